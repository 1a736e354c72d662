// What each schedule needs of chunks, stages and micro-batches.
#include <fmt/format.h>

#include "workloads/pipeline_order.hpp"
#include "workloads/plan_check.hpp"
#include "workloads/rank_layout.hpp"

namespace supernode {

namespace {

using enum PipelineSchedule;

bool is_two_way(PipelineSchedule schedule) { return schedule == kDualPipe || schedule == kDualPipeV; }

void check_chunks(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  const std::int64_t chunks = plan.virtual_stages;
  const std::string name = fmt::format("schedule {}", to_string(plan.schedule));
  if (plan.schedule == kInterleaved) {
    if (chunks == 1) check.error("schedule", name + " needs virtual_stages of at least 2");
  } else if (is_two_way(plan.schedule) || plan.schedule == kZeroBubbleV) {
    if (chunks != 2) check.error("virtual_stages", fmt::format("{} has 2 chunks per stage, not {}", name, chunks));
  } else if (chunks > 1) {
    check.error("schedule",
                fmt::format("{} has one chunk per stage, but virtual_stages is {}; use interleaved", name, chunks));
  }
}

void check_stages(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  const std::int64_t stages = plan.pipeline_parallel;
  if (stages == 1 && plan.virtual_stages > 1 && plan.schedule == kInterleaved) {
    check.error("virtual_stages",
                fmt::format("virtual_stages {} needs pipeline_parallel of at least 2", plan.virtual_stages));
  } else if (stages == 1 && (is_two_way(plan.schedule) || plan.schedule == kZeroBubbleV)) {
    check.error("schedule", fmt::format("schedule {} needs pipeline_parallel of at least 2", to_string(plan.schedule)));
  } else if (stages % 2 != 0 && plan.schedule == kDualPipe) {
    check.error("pipeline_parallel", fmt::format("schedule dualpipe needs an even pipeline_parallel, not {}; {} and {} "
                                                 "are",
                                                 stages, stages - 1, stages + 1));
  }
}

// The streams of DualPipe and DualPipeV fill the pipeline from both ends (deepseek-ai/DualPipe asks for the same).
void check_microbatches(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  const std::int64_t per_round = plan.micro_batch * plan.data_parallel;
  if (!is_two_way(plan.schedule) || per_round == 0 || plan.global_batch % per_round != 0) return;
  const std::int64_t microbatches = plan.microbatches(), least = 2 * plan.pipeline_parallel;
  if (microbatches == 0) return;
  if (microbatches < least) {
    check.error("global_batch",
                fmt::format("global_batch {} makes {} micro-batches per replica, but schedule {} needs at least "
                            "2 x pipeline_parallel = {}: global_batch {} is enough",
                            plan.global_batch, microbatches, to_string(plan.schedule), least, least * per_round));
  } else if (plan.schedule == kDualPipe && microbatches % 2 != 0) {
    check.error(
        "global_batch",
        fmt::format("global_batch {} makes {} micro-batches per replica, but schedule dualpipe needs an even "
                    "number, half for each direction; {} and {} are",
                    plan.global_batch, microbatches, (microbatches - 1) * per_round, (microbatches + 1) * per_round));
  }
}

}  // namespace

void check_schedule(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  check_chunks(check);
  check_stages(check);
  check_microbatches(check);
  if (!plan.overlap.expert) return;
  if (plan.expert_parallel == 1) {
    check.warning("overlap", "overlap.expert has no effect: expert_parallel is 1");
  } else if (!can_pair(plan.schedule)) {
    check.warning("overlap", fmt::format("overlap.expert has no effect: schedule {} runs no forward pass beside a "
                                         "backward pass; 1f1b, interleaved, dualpipe and dualpipev do",
                                         to_string(plan.schedule)));
  }
}

}  // namespace supernode
