#pragma once
// Puts a time on every operation of a step program: kernels by the chip's cost model, collectives by the fabric and the
// protocol. Equal operations are timed once.

#include <vector>

#include "calibration/kernel_cost.hpp"
#include "sim/collective_cost.hpp"
#include "sim/simulate.hpp"
#include "sim/step_engine.hpp"
#include "topology/fabric.hpp"

namespace supernode {

struct StepTiming {
  TimedProgram program;
  std::vector<CollectiveUse> collectives;  // by name, of the stage that communicates most
};

struct TimingInput {
  const StepProgram& program;
  const PlanSpec& plan;
  const Fabric& fabric;
  const KernelCostModel& kernels;
  CollectiveCostModel& collectives;
  int workers = 1;
  BytesPerSecond host_bandwidth{};  // of one device to or from host memory; what CommClass::kHost runs over
};

StepTiming time_step(const TimingInput& input);

}  // namespace supernode
