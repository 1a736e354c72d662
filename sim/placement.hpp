#pragma once
// Which device each rank runs on, and how slow stragglers make a stage. The nodes of dead chips are drained whole;
// ranks run on the others in order, so that in a cluster without dead chips rank r runs on device r.

#include <vector>

#include "base/ids.hpp"
#include "topology/system_spec.hpp"
#include "workloads/plan_spec.hpp"

namespace supernode {

class Placement {
 public:
  Placement() = default;  // rank r on device r
  // Of a job on `chips` chips. Throws FaultError when too few nodes are healthy.
  Placement(const SystemSpec& system, std::int64_t chips);

  bool in_order() const { return nodes_.empty(); }
  DeviceId device(std::int64_t rank) const;
  // The rank that runs on a device, -1 for none.
  std::int64_t rank(DeviceId device) const;
  // Group members as workloads/rank_layout counts them, ranks, put on their devices.
  std::vector<DeviceId> devices(std::vector<DeviceId> ranks) const;

 private:
  std::vector<std::int64_t> nodes_;  // healthy ones, ascending; none: all nodes in order
  std::int64_t per_node_ = 1;
};

// By pipeline stage: how many times as long the kernels take for the slowest chip that runs its ranks. Replicas wait
// for one another once a step, tensor ranks at every layer, so the slowest chip sets the pace of its stage.
std::vector<double> stage_slowdowns(const SystemSpec& system, const PlanSpec& plan, const Placement& placement);

// The same for ranks `first` … `first` + `count` - 1.
double slowdown_of(const SystemSpec& system, const Placement& placement, std::int64_t first, std::int64_t count);

}  // namespace supernode
