// Expert parallelism: experts over ranks, and both over the ranks of a stage.
#include <fmt/format.h>

#include "workloads/plan_check.hpp"

namespace supernode {

namespace {

// "tensor_parallel 2 x data_parallel 96 = 192": the ranks of a stage, which experts are laid out over anew.
std::string stage_text(const PlanSpec& plan) {
  const std::string context =
      plan.context_parallel > 1 ? fmt::format(" x context_parallel {}", plan.context_parallel) : "";
  return fmt::format("tensor_parallel {}{} x data_parallel {} = {}", plan.tensor_parallel, context, plan.data_parallel,
                     plan.stage_ranks());
}

void check_expert_ranks(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  const std::int64_t ep = plan.expert_parallel, etp = plan.expert_tensor_parallel, experts = check.model.moe.experts;
  const std::int64_t ranks = plan.stage_ranks();  // 0: not known
  const auto stands = [&](std::int64_t v) { return ranks == 0 || ranks % (v * etp) == 0; };
  const auto fits = [&](std::int64_t v) { return experts % v == 0 && stands(v); };
  if (experts % ep != 0) {
    check.error("expert_parallel", fmt::format("experts {} is not divisible by expert_parallel {}{}", experts, ep,
                                               nearest_legal(ep, experts, fits, kIs)));
  }
  if (stands(ep)) return;
  const std::string product =
      etp == 1 ? fmt::format("expert_parallel {}", ep)
               : fmt::format("expert_parallel {} x expert_tensor_parallel {} = {}", ep, etp, ep * etp);
  const std::string hint = nearest_legal(ep, ranks, fits, kDoes);
  check.error("expert_parallel", fmt::format("{} does not divide {}{}{}", product, stage_text(plan),
                                             etp > 1 && !hint.empty() ? "; expert_parallel" : "",
                                             etp > 1 && !hint.empty() ? hint.substr(1) : hint));
}

void check_routing(const PlanCheck& check) {
  const RoutingSpec& routing = check.plan.routing;
  if (routing.pad_to_capacity && routing.capacity_factor == 0) {
    check.error("routing", "routing.pad_to_capacity needs a routing.capacity_factor above 0");
  }
  const double ranks = static_cast<double>(check.plan.expert_parallel);
  if (routing.imbalance > ranks) {
    check.error("routing", fmt::format("routing.imbalance {} is above expert_parallel {}: no rank can have more than "
                                       "all tokens",
                                       routing.imbalance, check.plan.expert_parallel));
  }
}

}  // namespace

void check_experts(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  const MoeSpec& moe = check.model.moe;
  if (moe.experts == 0) {
    for (const auto& [degree, key] : {std::pair(plan.expert_parallel, "expert_parallel"),
                                      std::pair(plan.expert_tensor_parallel, "expert_tensor_parallel")}) {
      if (degree > 1) check.error(key, fmt::format("{} {} needs a model with experts", key, degree));
    }
    return;
  }
  // Without it each tensor-parallel rank has all tokens, and the exchange would send each as often (Megatron-Core
  // refuses to train so).
  if (plan.tensor_parallel > 1 && !plan.sequence_parallel && plan.tensor_y == 1) {
    check.error("sequence_parallel",
                "a model with experts needs sequence_parallel: true when tensor_parallel is above 1");
  }
  if (moe.ffn % plan.expert_tensor_parallel != 0) {
    const auto divides = [&](std::int64_t v) { return moe.ffn % v == 0; };
    check.error(
        "expert_tensor_parallel",
        fmt::format("expert ffn {} is not divisible by expert_tensor_parallel {}{}", moe.ffn,
                    plan.expert_tensor_parallel, nearest_legal(plan.expert_tensor_parallel, moe.ffn, divides, kIs)));
  }
  check_expert_ranks(check);
  check_routing(check);
}

}  // namespace supernode
