// 1F1B (PipeDream-Flush, arXiv 2006.09503, figure 1; arXiv 2104.04473, section 2.2): a forward pass for each later
// stage to fill the pipeline, then one forward and one backward pass in turn, then the backward passes that are left.
#include <algorithm>

#include "workloads/pipeline_order.hpp"
#include "workloads/stage_slots.hpp"

namespace supernode {

namespace {

// Pairing adds one so that a pair's passes are of different micro-batches; and as a forward pass then takes as long as
// the pair, two more for each later stage, one for the way there and one for the way back, keep the pipeline full.
std::int64_t warmup_passes(const PlanSpec& plan, std::int64_t stage) {
  const std::int64_t later = plan.pipeline_parallel - 1 - stage;
  return std::min(pairs_passes(plan) ? 2 * later + 1 : later, chain_microbatches(plan));
}

}  // namespace

std::vector<Slot> one_forward_one_backward_order(const PlanSpec& plan, std::int64_t stage) {
  const std::int64_t microbatches = chain_microbatches(plan), warmup = warmup_passes(plan, stage);
  StageSlots slots(1, microbatches);
  for (std::int64_t i = 0; i < warmup; ++i) slots.forward();
  for (std::int64_t i = warmup; i < microbatches; ++i) slots.forward_and_backward(0, 0, pairs_passes(plan));
  for (std::int64_t i = 0; i < warmup; ++i) slots.backward();
  return slots.take();
}

}  // namespace supernode
