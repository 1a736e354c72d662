#pragma once
// How sure a simulated step time is, to first order: the deviations of the fitted costs carried through the step.

#include "calibration/kernel_cost.hpp"
#include "sim/step_engine.hpp"
#include "workloads/step_program.hpp"

namespace supernode {

// One standard deviation of the step time. Kernels of one compute class share one fit, so their errors are taken as one
// (they add), those of different classes as independent (they add in squares); the exposed time of each kind of
// communication has kCollectiveDeviation. Both of the stage that computes longest. What no fit knows (stragglers, host
// stalls, another software version) is not in it.
Seconds step_deviation(const StepProgram& program, const StepResult& result, const KernelCostModel& kernels);

// Standard deviations either side that hold 95 % of a normal distribution.
inline constexpr double kInterval95 = 1.96;

// Of a collective's time: the fits' median errors are 1 to 21 % over all sizes (docs/models/collectives.md).
inline constexpr double kCollectiveDeviation = 0.15;

}  // namespace supernode
