#pragma once
// The groups of devices that a stage's collectives run over: one stands for all of its kind while the fabric looks the
// same from each; where it does not, one of each sort.

#include <map>
#include <optional>
#include <vector>

#include "sim/group_congruence.hpp"
#include "sim/placement.hpp"
#include "topology/fabric.hpp"
#include "workloads/rank_layout.hpp"

namespace supernode {

class StageGroups {
 public:
  StageGroups(const Fabric& fabric, const PlanSpec& plan, const Placement& placement);

  // Groups of the kind in the stage that are not congruent: the first one alone in a healthy fabric with ranks in
  // order.
  const std::vector<std::vector<DeviceId>>& of(GroupKind kind, std::int64_t stage);
  // The narrowest port into the plane among the stage's devices that have one; where none has, nothing runs over the
  // plane, and the port of the other plane stands in.
  BytesPerSecond port(std::int64_t stage, Plane plane) const;

 private:
  std::vector<std::vector<DeviceId>> sorts(GroupKind kind, std::int64_t stage) const;
  BytesPerSecond narrowest(std::int64_t stage, Plane plane) const;

  const Fabric& fabric_;
  const PlanSpec& plan_;
  const Placement& placement_;
  std::optional<GroupSignatures> signatures_;  // where groups of a kind differ
  std::map<std::pair<GroupKind, std::int64_t>, std::vector<std::vector<DeviceId>>> known_;
};

}  // namespace supernode
