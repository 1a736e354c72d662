#include "sim/collective_algorithm.hpp"

#include <cassert>

#include "sim/collectives/builtin.hpp"

namespace supernode {

std::int64_t CollectiveAlgorithm::steps(const CollectiveCall& call, const GroupShape& group) const {
  std::int64_t steps = 0;
  for (const Round& round : rounds(call, group)) steps += round.repeat;
  return steps;
}

void CollectiveRegistry::add(std::unique_ptr<CollectiveAlgorithm> algorithm) {
  assert(find(algorithm->name()) == nullptr);
  algorithms_.push_back(std::move(algorithm));
}

const CollectiveAlgorithm* CollectiveRegistry::find(const std::string& name) const {
  for (const auto& algorithm : algorithms_)
    if (algorithm->name() == name) return algorithm.get();
  return nullptr;
}

void register_builtin_collectives(CollectiveRegistry& registry) {
  registry.add(make_send_recv());
  registry.add(make_ring());
  registry.add(make_direct());
  registry.add(make_pairwise());
  registry.add(make_halving_doubling());
  registry.add(make_tree());
  registry.add(make_nvls());
  registry.add(make_hierarchical());
  registry.add(make_hierarchical_mesh());
  registry.add(make_hierarchical_supernode());
  registry.add(make_bidirectional_ring());
  registry.add(make_multi_ring());
  registry.add(make_bruck());
  registry.add(make_halving_doubling_folded());
  registry.add(make_grid());
  registry.add(make_grid_split());
  registry.add(make_windowed());
  registry.add(make_sharp());
  registry.add(make_chain());
  registry.add(make_one_shot());
}

GroupShape group_shape(const Fabric& fabric, const std::vector<DeviceId>& members) {
  GroupShape shape;
  shape.grid = fabric.grid();
  for (const DeviceId member : members) {
    if (!shape.grid.empty()) shape.cell.push_back(member.index);
    shape.node.push_back(fabric.place(member).node);
    shape.supernode.push_back(fabric.place(member).supernode);
  }
  return shape;
}

}  // namespace supernode
