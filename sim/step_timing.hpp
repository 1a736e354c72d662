#pragma once
// Puts a time on every operation of a step program: kernels by the chip's cost model, collectives by the fabric and the
// protocol. Equal operations are timed once. A collective is timed over the first group of its kind in the stage, for
// which all others stand; where faults or drained nodes make them differ, over the slowest.

#include <vector>

#include "calibration/kernel_cost.hpp"
#include "calibration/software_spec.hpp"
#include "sim/collective_cost.hpp"
#include "sim/placement.hpp"
#include "sim/simulate.hpp"
#include "sim/step_engine.hpp"
#include "topology/fabric.hpp"

namespace supernode {

struct StepTiming {
  TimedProgram program;
  std::vector<CollectiveUse> collectives;  // by name, of the stage that communicates most
  FamilyValues deviation{};                // relative, of each family's costs in the step, weighted by their time
};

struct TimingInput {
  const StepProgram& program;
  const PlanSpec& plan;
  const Fabric& fabric;
  const KernelCostModel& kernels;
  CollectiveCostModel& collectives;
  int workers = 1;
  BytesPerSecond host_bandwidth{};  // of one device to or from host memory; what CommClass::kHost runs over
  Placement placement{};
  std::vector<double> slowdowns{};         // of kernels, by stage (sim/placement.hpp); none: 1
  const SoftwareSpec* software = nullptr;  // nothing: neutral
};

StepTiming time_step(const TimingInput& input);

}  // namespace supernode
