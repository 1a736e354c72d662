#include "sim/stage_groups.hpp"

#include <set>

namespace supernode {

StageGroups::StageGroups(const Fabric& fabric, const PlanSpec& plan, const Placement& placement)
    : fabric_(fabric), plan_(plan), placement_(placement) {
  if (fabric.degraded() || !placement.in_order()) signatures_.emplace(fabric);
}

const std::vector<std::vector<DeviceId>>& StageGroups::of(GroupKind kind, std::int64_t stage) {
  const auto [entry, fresh] = known_.try_emplace({kind, stage});
  if (fresh) entry->second = sorts(kind, stage);
  return entry->second;
}

std::vector<std::vector<DeviceId>> StageGroups::sorts(GroupKind kind, std::int64_t stage) const {
  std::vector<DeviceId> first = group_members(plan_, kind, stage);
  if (!signatures_ || first.size() < 2) return {std::move(first)};
  std::set<std::vector<std::int32_t>> seen;
  std::vector<std::vector<DeviceId>> found;
  for (std::vector<DeviceId>& ranks : all_groups(plan_, kind, stage)) {
    std::vector<DeviceId> group = placement_.devices(std::move(ranks));
    if (seen.insert(signatures_->of(group)).second) found.push_back(std::move(group));
  }
  return found;
}

BytesPerSecond StageGroups::narrowest(std::int64_t stage, Plane plane) const {
  const std::int64_t first = stage * plan_.stage_ranks();
  BytesPerSecond least{};
  for (std::int64_t rank = first; rank < first + (signatures_ ? plan_.stage_ranks() : 1); ++rank) {
    const BytesPerSecond port = fabric_.port_bandwidth(placement_.device(rank), plane);
    if (port > BytesPerSecond(0) && (least <= BytesPerSecond(0) || port < least)) least = port;
  }
  return least;
}

BytesPerSecond StageGroups::port(std::int64_t stage, Plane plane) const {
  const BytesPerSecond own = narrowest(stage, plane);
  if (own > BytesPerSecond(0) || !signatures_) return own;
  return narrowest(stage, plane == Plane::kScaleUp ? Plane::kScaleOut : Plane::kScaleUp);
}

}  // namespace supernode
