#include "workloads/pipeline_order.hpp"

#include <cassert>

namespace supernode {

namespace {

using StageOrder = std::vector<Slot> (*)(const PlanSpec& plan, std::int64_t stage);

StageOrder order_of(PipelineSchedule schedule) {
  switch (schedule) {
    case PipelineSchedule::kGPipe:
      return gpipe_order;
    case PipelineSchedule::kOneForwardOneBackward:
      return one_forward_one_backward_order;
    case PipelineSchedule::kInterleaved:
      return interleaved_order;
    case PipelineSchedule::kZeroBubbleH1:
      return zero_bubble_h1_order;
    case PipelineSchedule::kZeroBubbleV:
      return zero_bubble_v_order;
    case PipelineSchedule::kDualPipe:
      return dual_pipe_order;
    case PipelineSchedule::kDualPipeV:
      return dual_pipe_v_order;
  }
  return nullptr;
}

}  // namespace

bool can_pair(PipelineSchedule schedule) {
  using enum PipelineSchedule;
  return schedule == kOneForwardOneBackward || schedule == kInterleaved || schedule == kDualPipe ||
         schedule == kDualPipeV;
}

bool pairs_passes(const PlanSpec& plan) {
  return plan.overlap.expert && plan.expert_parallel > 1 && can_pair(plan.schedule);
}

std::vector<std::vector<Slot>> pipeline_order(const PlanSpec& plan) {
  const StageOrder order = order_of(plan.schedule);
  assert(order != nullptr);
  std::vector<std::vector<Slot>> orders;
  for (std::int64_t stage = 0; stage < plan.pipeline_parallel; ++stage) orders.push_back(order(plan, stage));
  return orders;
}

}  // namespace supernode
