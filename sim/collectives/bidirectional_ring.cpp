// Two rings in opposite directions with half the data each: full-duplex neighbours move twice what one direction does
// where each neighbour has a link of its own (a torus); through one port it is a ring's time. On a grid the ring walks
// from neighbour to neighbour, else in the group's order. (NCCL lays such pairs on NVLink meshes; Patarasuk & Yuan,
// 2009, for the ring itself.)

#include <numeric>

#include "base/numeric.hpp"
#include "sim/collectives/builtin.hpp"
#include "sim/collectives/grid_box.hpp"

namespace supernode {
namespace {

std::vector<std::int32_t> ring_order(const GroupShape& group) {
  if (const auto box = grid_box(group)) return closed_walk(*box);
  std::vector<std::int32_t> order(group.node.size());
  std::iota(order.begin(), order.end(), 0);
  return order;
}

class BidirectionalRing : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "bidirectional_ring"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return group.size() >= 2 && reduction_phases(call.op) > 0;
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const std::vector<std::int32_t> order = ring_order(group);
    const std::size_t n = order.size();
    const Bytes half = call.bytes / (2 * static_cast<double>(n));
    Round round{{}, reduction_phases(call.op) * (group.size() - 1)};
    for (std::size_t i = 0; i < n; ++i) {
      round.transfers.push_back({order[i], order[(i + 1) % n], half});
      round.transfers.push_back({order[i], order[(i + n - 1) % n], half});
    }
    return {round};
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_bidirectional_ring() { return std::make_unique<BidirectionalRing>(); }

}  // namespace supernode
