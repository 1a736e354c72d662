// Ring in the order of the group: n-1 rounds of 1/n of the buffer to the next rank; all-reduce is reduce-scatter, then
// all-gather. Bandwidth-optimal: 2(n-1)/n of the buffer per port. (Patarasuk & Yuan, 2009, section 4.)

#include "sim/collectives/builtin.hpp"

namespace supernode {
namespace {

class Ring : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "ring"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return group.size() >= 2 && reduction_phases(call.op) > 0;
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto n = static_cast<std::int32_t>(group.size());
    Round round{{}, reduction_phases(call.op) * (n - 1)};
    for (std::int32_t i = 0; i < n; ++i) round.transfers.push_back({i, (i + 1) % n, call.bytes / n});
    return {round};
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_ring() { return std::make_unique<Ring>(); }

}  // namespace supernode
