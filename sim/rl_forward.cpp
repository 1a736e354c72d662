#include "sim/rl_forward.hpp"

#include <algorithm>

#include "sim/priced_step.hpp"

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
  const StepProgram program = forward_only(build_step_program(input.model, effective_plan(input)));
  return replay(price_program(input, program, workers), software_on_chip(input.software, input.chip)).step_time;
}

}  // namespace supernode
