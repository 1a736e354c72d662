#pragma once
// Plans of every schedule for tests, and their orders as text.

#include <string>
#include <vector>

#include "workloads/pipeline_order.hpp"

namespace supernode {

inline constexpr PipelineSchedule kAllSchedules[] = {
    PipelineSchedule::kGPipe,        PipelineSchedule::kOneForwardOneBackward, PipelineSchedule::kInterleaved,
    PipelineSchedule::kZeroBubbleH1, PipelineSchedule::kZeroBubbleV,           PipelineSchedule::kDualPipe,
    PipelineSchedule::kDualPipeV};

inline std::int64_t chunks_of(PipelineSchedule schedule) {
  using enum PipelineSchedule;
  return schedule == kInterleaved || schedule == kZeroBubbleV || schedule == kDualPipe || schedule == kDualPipeV ? 2
                                                                                                                 : 1;
}

// `microbatches` per replica (of both chains together). A paired plan has the exchange that pairing hides.
inline PlanSpec schedule_plan(PipelineSchedule schedule, std::int64_t stages, std::int64_t microbatches,
                              bool paired = false) {
  PlanSpec plan;
  plan.schedule = schedule;
  plan.data_parallel = paired ? 2 : 1;
  plan.expert_parallel = paired ? 2 : 1;
  plan.overlap.expert = paired;
  plan.pipeline_parallel = stages;
  plan.virtual_stages = chunks_of(schedule);
  plan.global_batch = microbatches * plan.data_parallel;
  return plan;
}

// "F0 F1 B0 W0 …" of a stage, B a whole backward pass and I its input half; with several chunks "F0.1" is micro-batch
// 0, chunk 1; "F1+" runs with the pass after it.
inline std::string order_text(const std::vector<Slot>& order, bool chunks = false) {
  std::string all;
  for (const Slot& slot : order) {
    all += (all.empty() ? "" : " ") + std::string(1, "FBIW"[static_cast<std::size_t>(slot.kind)]) +
           std::to_string(slot.microbatch) + (chunks ? "." + std::to_string(slot.chunk) : "") +
           (slot.with_next ? "+" : "");
  }
  return all;
}

}  // namespace supernode
