// Recursive halving and doubling over any number of ranks: of n = 2^k + r, the last r ranks fold. Each spreads what it
// has evenly over the 2^k others, which halve and double as one power of two, and gets its part of the result back from
// all of them. (Thakur, Rabenseifner & Gropp, 2005, sections 4.1, 4.2 and 4.4, where a folded rank has one partner: the
// same bytes out of it, and all of them into that partner.)

#include <bit>

#include "base/numeric.hpp"
#include "sim/collectives/builtin.hpp"

namespace supernode {
namespace {

class Folded {
 public:
  Folded(const CollectiveCall& call, std::int32_t n)
      : call_(call), n_(n), core_(static_cast<std::int32_t>(std::bit_floor(static_cast<std::uint32_t>(n)))) {}

  // Where blocks belong to ranks, a folded one needs no other's contribution to hand on its own, nor its own back.
  std::vector<Round> rounds() const {
    const double own = 1 / real(n_), others = 1 - own;
    const bool gather = call_.op == CollectiveOp::kAllGather, scatter = call_.op == CollectiveOp::kReduceScatter;
    std::vector<Round> rounds;
    if (core_ < n_) rounds.push_back(spread(true, gather ? own : scatter ? others : 1));
    if (!gather)
      for (std::int32_t bit = 1; bit < core_; bit *= 2) rounds.push_back(exchange(bit));
    if (!scatter)
      for (std::int32_t bit = core_ / 2; bit >= 1; bit /= 2) rounds.push_back(exchange(bit));
    if (core_ < n_) rounds.push_back(spread(false, gather ? others : scatter ? own : 1));
    return rounds;
  }

 private:
  // A share of the buffer between each folded rank and all others together.
  Round spread(bool fold, double share) const {
    Round round;
    for (std::int32_t rest = core_; rest < n_; ++rest)
      for (std::int32_t c = 0; c < core_; ++c)
        round.transfers.push_back({fold ? rest : c, fold ? c : rest, call_.bytes * (share / real(core_))});
    return round;
  }

  // Exchange between all pairs of ranks that differ in one bit.
  Round exchange(std::int32_t bit) const {
    Round round;
    for (std::int32_t c = 0; c < core_; ++c) round.transfers.push_back({c, c ^ bit, call_.bytes / (2.0 * bit)});
    return round;
  }

  const CollectiveCall& call_;
  std::int32_t n_, core_;
};

class HalvingDoublingFolded : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "halving_doubling_folded"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return group.size() >= 2 && reduction_phases(call.op) > 0;
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    return Folded(call, static_cast<std::int32_t>(group.size())).rounds();
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_halving_doubling_folded() {
  return std::make_unique<HalvingDoublingFolded>();
}

}  // namespace supernode
