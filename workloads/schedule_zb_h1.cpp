// ZB-H1 (arXiv 2401.10241, section 3.1): 1F1B with the backward pass split. Stage s runs its weight halves s
// micro-batches behind the input halves, so that input gradients reach the earlier stages sooner and the weight halves
// fill the end; with the PP - s micro-batches in flight of 1F1B that makes PP on every stage.
#include <algorithm>

#include "workloads/pipeline_order.hpp"
#include "workloads/stage_slots.hpp"

namespace supernode {

std::vector<Slot> zero_bubble_h1_order(const PlanSpec& plan, std::int64_t stage) {
  const std::int64_t microbatches = chain_microbatches(plan);
  const std::int64_t warmup = std::min(plan.pipeline_parallel - 1 - stage, microbatches);
  StageSlots slots(1, microbatches);
  for (std::int64_t i = 0; i < warmup; ++i) slots.forward();
  for (std::int64_t i = 0; i < microbatches; ++i) {
    if (slots.forwards() < microbatches) slots.forward();
    slots.backward_input();
    if (slots.owed() > stage) slots.backward_weight();
  }
  while (slots.owed() > 0) slots.backward_weight();
  return slots.take();
}

}  // namespace supernode
