// Rings over all the links of a full mesh at once, each with its share of the data
// (sim/collectives/disjoint_rings.hpp): no link carries two rings, so n-1 of them take what a ring takes through a port
// of n-1 links. Reduces in a ring's order and rounds, where the direct exchange needs a rank to take in n-1 messages at
// once.

#include <algorithm>

#include "base/numeric.hpp"
#include "sim/collectives/builtin.hpp"
#include "sim/collectives/disjoint_rings.hpp"
#include "sim/collectives/grid_box.hpp"

namespace supernode {
namespace {

// Members of one node, or of one line of a full-mesh dimension of the grid.
bool meshed(const GroupShape& group) {
  if (std::ranges::count(group.node, group.node.front()) == group.size()) return true;
  const auto box = grid_box(group);
  return box && box->dimensions.size() == 1 && !box->dimensions.front().ring;
}

class MultiRing : public CollectiveAlgorithm {
 public:
  std::string name() const override { return "multi_ring"; }
  bool supports(const CollectiveCall& call, const GroupShape& group) const override {
    return group.size() >= 2 && reduction_phases(call.op) > 0 && meshed(group);
  }
  std::vector<Round> rounds(const CollectiveCall& call, const GroupShape& group) const override {
    const auto rings = disjoint_rings(static_cast<std::int32_t>(group.size()));
    const Bytes each = call.bytes / (real(group.size()) * real(std::ssize(rings)));
    Round round{{}, reduction_phases(call.op) * (group.size() - 1)};
    for (const auto& ring : rings)
      for (std::size_t i = 0; i < ring.size(); ++i)
        round.transfers.push_back({ring[i], ring[(i + 1) % ring.size()], each});
    return {round};
  }
};

}  // namespace

std::unique_ptr<CollectiveAlgorithm> make_multi_ring() { return std::make_unique<MultiRing>(); }

}  // namespace supernode
