// Recursive halving (reduce-scatter) and doubling (all-gather) over 2^k ranks: k rounds each; the largest exchange,
// half the buffer, is with the nearest rank. Bytes per port as the ring's, latency logarithmic. (Thakur, Rabenseifner &
// Gropp, 2005, sections 4.1 and 4.2.)

#include <bit>

#include "sim/collectives/builtin.hpp"

namespace supernode {
namespace {

// Exchange of `bytes` between all pairs of ranks that differ in one bit.
Round exchange(std::int32_t n, std::int32_t bit, Bytes bytes) {
  Round round;
  for (std::int32_t i = 0; i < n; ++i) round.transfers.push_back({i, i ^ bit, bytes});
  return round;
}

class HalvingDoubling : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "halving_doubling"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    const auto n = static_cast<std::uint64_t>(group.size());
    return n >= 2 && std::has_single_bit(n) && reduction_phases(call.op) > 0;
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto n = static_cast<std::int32_t>(group.size());
    std::vector<Round> rounds;
    if (call.op != CollectiveOp::kAllGather)
      for (std::int32_t bit = 1; bit < n; bit *= 2) rounds.push_back(exchange(n, bit, call.bytes / (2.0 * bit)));
    if (call.op != CollectiveOp::kReduceScatter)
      for (std::int32_t bit = n / 2; bit >= 1; bit /= 2) rounds.push_back(exchange(n, bit, call.bytes / (2.0 * bit)));
    return rounds;
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_halving_doubling() { return std::make_unique<HalvingDoubling>(); }

}  // namespace supernode
