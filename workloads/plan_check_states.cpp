// How weights, gradients and optimizer states are sharded, and adapters beside them.
#include <fmt/format.h>

#include "workloads/plan_check.hpp"

namespace supernode {

namespace {

void check_shards(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  if (plan.shard_group == 0 || plan.data_parallel == 0) return;
  if (plan.zero_stage == 0) {
    check.warning("shard_group", "shard_group has no effect: zero_stage is 0");
    return;
  }
  const std::int64_t replicas = plan.replicas(), experts = check.model.moe.experts > 0 ? plan.expert_replicas() : 0;
  // Expert states are sharded over as many replicas, or over all if there are fewer.
  const auto fits = [&](std::int64_t v) { return replicas % v == 0 && (v >= experts || experts % v == 0); };
  if (fits(plan.shard_group)) return;
  const std::string of_experts = replicas % plan.shard_group == 0
                                     ? fmt::format("the {} replicas of the experts", experts)
                                     : fmt::format("data_parallel {} x context_parallel {} = {}", plan.data_parallel,
                                                   plan.context_parallel, replicas);
  check.error("shard_group", fmt::format("shard_group {} does not divide {}{}", plan.shard_group, of_experts,
                                         nearest_legal(plan.shard_group, replicas, fits, kDoes)));
}

void check_lora(const PlanCheck& check) {
  const LoraSpec& lora = check.plan.lora;
  if (lora.rank > check.model.hidden) {
    check.error("lora", fmt::format("lora.rank {} is above the model's hidden size {}", lora.rank, check.model.hidden));
  }
  if (lora.rank == 0 && lora.attention_only) check.warning("lora", "lora.attention_only has no effect: lora.rank is 0");
}

}  // namespace

void check_states(const PlanCheck& check) {
  check_shards(check);
  check_lora(check);
}

}  // namespace supernode
