// Shifted exchange: each rank sends to the rank d places on, for d = 1 … n-1. `pairwise` has one message a rank under
// way at a time (Thakur, Rabenseifner & Gropp, 2005, section 4.3). `windowed` has 8: a rank posts the next 8 when these
// are through, so it pays a route's latency once for 8 messages while no more than 8 flows share a port (the window of
// a library that posts everything at once is n-1: `direct`).

#include <algorithm>

#include "sim/collectives/builtin.hpp"
#include "sim/collectives/token_spread.hpp"

namespace supernode {
namespace {

constexpr std::int32_t kWindow = 8;

class ShiftedExchange : public CollectiveAlgorithm {
 public:
  ShiftedExchange(std::string name, std::int32_t window) : name_(std::move(name)), window_(window) {}

  std::string name() const override { return name_; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return group.size() >= 2 && is_exchange(call.op);
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto n = static_cast<std::int32_t>(group.size());
    const PeerBytes bytes(call, group);
    std::vector<Round> rounds;
    for (std::int32_t first = 1; first < n; first += window_) {
      Round round;
      for (std::int32_t i = 0; i < n; ++i)
        for (std::int32_t shift = first; shift < std::min(n, first + window_); ++shift) {
          const std::int32_t to = (i + shift) % n;
          round.transfers.push_back({i, to, bytes(i, to)});
        }
      rounds.push_back(std::move(round));
    }
    return rounds;
  }
  // One message to each peer.
  std::int64_t steps(const CollectiveCall&, const GroupShape& group) const override { return group.size() - 1; }

 private:
  std::string name_;
  std::int32_t window_;
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_pairwise() { return std::make_unique<ShiftedExchange>("pairwise", 1); }
std::unique_ptr<CollectiveAlgorithm> make_windowed() { return std::make_unique<ShiftedExchange>("windowed", kWindow); }

}  // namespace supernode
