// GPipe (arXiv 1811.06965, figure 2): all forward passes, then all backward passes. A stage keeps the activations of
// every micro-batch. The backward passes run in the order of the forward passes, so that the last micro-batch's is
// last.
#include "workloads/pipeline_order.hpp"
#include "workloads/stage_slots.hpp"

namespace supernode {

std::vector<Slot> gpipe_order(const PlanSpec& plan, std::int64_t /*stage*/) {
  const std::int64_t microbatches = chain_microbatches(plan);
  StageSlots slots(1, microbatches);
  for (std::int64_t i = 0; i < microbatches; ++i) slots.forward();
  for (std::int64_t i = 0; i < microbatches; ++i) slots.backward();
  return slots.take();
}

}  // namespace supernode
