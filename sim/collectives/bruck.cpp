// Bruck's exchanges: ceil(log2 n) rounds for any n. All-gather: in round k a rank passes all blocks that it has, 2^k of
// them or as many as are missing, to the rank 2^k places back; a ring's bytes in few messages. All-to-all: the block
// for the rank d places on travels by the powers of two in d, so that half the buffer leaves a rank in every round: for
// small messages. (Bruck, Ho, Kipnis, Upfal & Weathersby, 1997, sections 3 and 4.)

#include <algorithm>

#include "base/numeric.hpp"
#include "sim/collectives/builtin.hpp"

namespace supernode {
namespace {

// Distances below n that have the power of two.
std::int32_t distances_with(std::int32_t power, std::int32_t n) {
  std::int32_t count = 0;
  for (std::int32_t d = 1; d < n; ++d) count += (d & power) != 0 ? 1 : 0;
  return count;
}

class Bruck : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "bruck"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return group.size() >= 2 && (call.op == CollectiveOp::kAllToAll || call.op == CollectiveOp::kAllGather);
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto n = static_cast<std::int32_t>(group.size());
    const bool gather = call.op == CollectiveOp::kAllGather;
    std::vector<Round> rounds;
    for (std::int32_t power = 1; power < n; power *= 2) {
      const std::int32_t blocks = gather ? std::min(power, n - power) : distances_with(power, n);
      const std::int32_t shift = gather ? n - power : power;
      Round round;
      for (std::int32_t i = 0; i < n; ++i)
        round.transfers.push_back({i, (i + shift) % n, call.bytes * (real(blocks) / real(n))});
      rounds.push_back(std::move(round));
    }
    return rounds;
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_bruck() { return std::make_unique<Bruck>(); }

}  // namespace supernode
