#include "sim/rl_forward.hpp"

#include <algorithm>

#include "sim/step_timing.hpp"

namespace supernode {

StepProgram forward_only(StepProgram program) {
  for (StageProgram& stage : program.stages) {
    stage.epilogue.clear();
    std::erase_if(stage.order, [](const Slot& slot) { return slot.kind != PassKind::kForward; });
    for (Slot& slot : stage.order) slot.with_next = false;
    for (PassSet<PassProgram>& passes : stage.chunks)
      for (PassKind kind : {PassKind::kBackward, PassKind::kBackwardInput, PassKind::kBackwardWeight})
        passes.inner(kind) = passes.edge(kind) = {};
  }
  return program;
}

Seconds simulate_forward(const SimulationInput& input, int workers) {
  PlanSpec plan = input.plan;
  plan.compute = input.chip.effective(plan.compute);
  const StepProgram program = forward_only(build_step_program(input.model, plan));
  const Fabric fabric = build_fabric(input.system, input.fabric_chips());
  const Placement placement(input.system, input.fabric_chips());
  const auto kernels = make_kernel_cost_model(input.chip);
  CollectiveCostModel collectives(fabric, input.protocol);
  const auto devices = static_cast<double>(input.system.devices_per_chip);
  const BytesPerSecond host = input.system.host_bandwidth.value / devices;
  const StepTiming timing = time_step({program, plan, fabric, *kernels, collectives, workers, host, placement,
                                       stage_slowdowns(input.system, plan, placement)});
  StepOptions options;
  options.overlap_slowdown = input.chip.overlap_slowdown.value;
  return run_step_simgrid(timing.program, options).step_time;
}

}  // namespace supernode
