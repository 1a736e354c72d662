// DualPipeV (deepseek-ai/DualPipe, "cut in half" as proposed by Sea AI Lab): DualPipe folded at its middle, so that a
// stage holds two pieces of one copy of the model, laid out as a V. A micro-batch goes down the chunks 0 and comes back
// up through the chunks 1; the two arms are the streams of DualPipe, and they meet at the foot.
#include "workloads/pipeline_order.hpp"
#include "workloads/schedule_two_way.hpp"

namespace supernode {

std::vector<Slot> dual_pipe_v_order(const PlanSpec& plan, std::int64_t stage) {
  return two_way_order({.before = stage, .behind = plan.pipeline_parallel - 1 - stage}, chain_microbatches(plan),
                       pairs_passes(plan));
}

}  // namespace supernode
