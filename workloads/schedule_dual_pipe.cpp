// DualPipe (DeepSeek-V3, arXiv 2412.19437, section 3.2.1): half of the micro-batches enter at the first stage and go
// through one copy of the model, the other half enter at the last stage and go through the other copy, which stands the
// other way round. Stages s and PP-1-s do the same with the chunks swapped; the streams meet between stages PP/2-1 and
// PP/2.
#include <algorithm>
#include <cassert>

#include "workloads/pipeline_order.hpp"
#include "workloads/schedule_two_way.hpp"

namespace supernode {

std::vector<Slot> dual_pipe_order(const PlanSpec& plan, std::int64_t stage) {
  const std::int64_t stages = plan.pipeline_parallel, before = std::min(stage, stages - 1 - stage);
  assert(stages % 2 == 0 && plan.microbatches() % 2 == 0);
  const std::int64_t near = stage < stages / 2 ? 0 : 1;
  return two_way_order({.before = before, .behind = stages / 2 - 1 - before, .near = near, .far = 1 - near},
                       chain_microbatches(plan), pairs_passes(plan));
}

}  // namespace supernode
