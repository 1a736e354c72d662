// Shifted exchange: in round d each rank sends to the rank d places on. n-1 rounds, one flow in and out of each rank at
// a time. (Thakur, Rabenseifner & Gropp, 2005, section 4.3.)

#include "sim/collectives/builtin.hpp"
#include "sim/collectives/token_spread.hpp"

namespace supernode {
namespace {

class Pairwise : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "pairwise"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return group.size() >= 2 && is_exchange(call.op);
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto n = static_cast<std::int32_t>(group.size());
    const PeerBytes bytes(call, group);
    std::vector<Round> rounds;
    for (std::int32_t shift = 1; shift < n; ++shift) {
      Round round;
      for (std::int32_t i = 0; i < n; ++i) {
        const std::int32_t to = (i + shift) % n;
        round.transfers.push_back({i, to, bytes(i, to)});
      }
      rounds.push_back(std::move(round));
    }
    return rounds;
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_pairwise() { return std::make_unique<Pairwise>(); }

}  // namespace supernode
