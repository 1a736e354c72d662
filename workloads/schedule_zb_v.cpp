// ZB-V (arXiv 2401.10241, section 6, figure 6; the V-ZB of arXiv 2405.15362): two chunks a stage laid out as a V, the
// backward pass split. When forward, input and weight passes take alike, no stage waits between its first and its last
// pass, with the activations of 1F1B's first stage (2·PP chunk passes) on every stage. The counts of each phase are
// read off the paper's figure; PyTorch's ScheduleZBVZeroBubble has the same.
#include <algorithm>

#include "workloads/pipeline_order.hpp"
#include "workloads/stage_slots.hpp"

namespace supernode {

namespace {

void split_backward(StageSlots& slots, std::int64_t chunk) {
  slots.backward_input(chunk);
  slots.backward_weight(chunk);
}

// Forward passes down the V until the first micro-batch has come back up, then the first backward passes.
void warm_up(StageSlots& slots, std::int64_t stage, std::int64_t later) {
  for (std::int64_t i = 0; i < 2 * later + 1; ++i) slots.forward(0);
  for (std::int64_t i = 0; i < stage; ++i) {
    slots.forward(1);
    slots.forward(0);
  }
  for (std::int64_t i = 0; i < later + 1; ++i) {
    slots.forward(1);
    split_backward(slots, 1);
  }
}

// Input halves first, as other stages wait for them; the weight halves fill what is left.
void cool_down(StageSlots& slots, std::int64_t stage, std::int64_t later) {
  for (std::int64_t i = 0; i < stage; ++i) {
    slots.backward_input(0);
    slots.backward_input(1);
  }
  for (std::int64_t i = 0; i < later + 1; ++i) split_backward(slots, 0);
  for (const std::int64_t chunk : {1, 0}) {
    while (slots.owed(chunk) > 0) slots.backward_weight(chunk);
  }
}

}  // namespace

std::vector<Slot> zero_bubble_v_order(const PlanSpec& plan, std::int64_t stage) {
  const std::int64_t later = plan.pipeline_parallel - 1 - stage;
  // The warm-up takes so many micro-batches; those beyond the plan's are left out.
  const std::int64_t microbatches = std::max(2 * plan.pipeline_parallel - 1, chain_microbatches(plan));
  StageSlots slots(2, chain_microbatches(plan));
  warm_up(slots, stage, later);
  while (slots.forwards(1) < microbatches) {
    if (slots.forwards(0) < microbatches) slots.forward(0);
    split_backward(slots, 0);
    slots.forward(1);
    split_backward(slots, 1);
  }
  cool_down(slots, stage, later);
  return slots.take();
}

}  // namespace supernode
