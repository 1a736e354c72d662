// The pairwise exchange with a window: a rank has messages to its next 8 peers under way together and posts the next 8
// when these are through, so that it pays a route's latency once for 8 messages while no more than 8 flows share a port
// (the window of a library that posts everything at once is n-1: `direct`).

#include <algorithm>

#include "sim/collectives/builtin.hpp"
#include "sim/collectives/token_spread.hpp"

namespace supernode {
namespace {

constexpr std::int32_t kWindow = 8;

class Windowed : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "windowed"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return group.size() >= 2 && is_exchange(call.op);
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto n = static_cast<std::int32_t>(group.size());
    const PeerBytes bytes(call, group);
    std::vector<Round> rounds;
    for (std::int32_t first = 1; first < n; first += kWindow) {
      Round round;
      for (std::int32_t i = 0; i < n; ++i)
        for (std::int32_t shift = first; shift < std::min(n, first + kWindow); ++shift) {
          const std::int32_t to = (i + shift) % n;
          round.transfers.push_back({i, to, bytes(i, to)});
        }
      rounds.push_back(std::move(round));
    }
    return rounds;
  }
  // One message to each peer.
  std::int64_t steps(const CollectiveCall&, const GroupShape& group) const override { return group.size() - 1; }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_windowed() { return std::make_unique<Windowed>(); }

}  // namespace supernode
