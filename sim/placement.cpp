#include "sim/placement.hpp"

#include <algorithm>

#include "topology/apply_faults.hpp"

namespace supernode {

Placement::Placement(const SystemSpec& system, std::int64_t chips) : per_node_(system.devices_per_node()) {
  std::vector<std::int64_t> nodes = healthy_nodes(system, chips);
  const bool skips = nodes.back() != std::ssize(nodes) - 1;
  if (skips) nodes_ = std::move(nodes);
}

DeviceId Placement::device(std::int64_t rank) const {
  if (in_order()) return DeviceId(rank);
  return DeviceId(nodes_[static_cast<std::size_t>(rank / per_node_)] * per_node_ + rank % per_node_);
}

std::int64_t Placement::rank(DeviceId device) const {
  if (in_order()) return device.index;
  const auto node = std::ranges::lower_bound(nodes_, device.index / per_node_);
  if (node == nodes_.end() || *node != device.index / per_node_) return -1;
  return (node - nodes_.begin()) * per_node_ + device.index % per_node_;
}

std::vector<DeviceId> Placement::devices(std::vector<DeviceId> ranks) const {
  if (in_order()) return ranks;
  for (DeviceId& rank : ranks) rank = device(rank.index);
  return ranks;
}

double slowdown_of(const SystemSpec& system, const Placement& placement, std::int64_t first, std::int64_t count) {
  double slowest = 1;
  for (const SlowChip& slow : system.faults.slow_chips) {
    for (std::int64_t die = 0; die < system.devices_per_chip; ++die) {
      const std::int64_t rank = placement.rank(DeviceId(slow.chip * system.devices_per_chip + die));
      if (rank >= first && rank < first + count) slowest = std::max(slowest, 1 / slow.speed);
    }
  }
  return slowest;
}

std::vector<double> stage_slowdowns(const SystemSpec& system, const PlanSpec& plan, const Placement& placement) {
  std::vector<double> slowdowns;
  for (std::int64_t stage = 0; stage < plan.pipeline_parallel; ++stage)
    slowdowns.push_back(slowdown_of(system, placement, stage * plan.stage_ranks(), plan.stage_ranks()));
  return slowdowns;
}

}  // namespace supernode
