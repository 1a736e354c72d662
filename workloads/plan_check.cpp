#include "workloads/plan_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace supernode {

std::string nearest_legal(std::int64_t value, std::int64_t limit, const std::function<bool(std::int64_t)>& legal,
                          Verb verb) {
  std::optional<std::int64_t> below, above;
  for (std::int64_t v = std::min(value - 1, limit); v >= 1 && !below; --v) {
    if (legal(v)) below = v;
  }
  for (std::int64_t v = value + 1; v <= limit && !above; ++v) {
    if (legal(v)) above = v;
  }
  if (below && above) return fmt::format("; {} and {} {}", *below, *above, verb.many);
  if (below || above) return fmt::format("; {} {}", below ? *below : *above, verb.one);
  return "";
}

void check_ranks(const PlanCheck& check) {
  PlanSpec& plan = check.plan;
  const std::int64_t tp = plan.tensor_parallel, cp = plan.context_parallel, pp = plan.pipeline_parallel;
  const std::int64_t replica = tp * cp * pp, ranks = check.ranks;
  const std::string product =
      cp == 1 ? fmt::format("tensor_parallel {} x pipeline_parallel {}", tp, pp)
              : fmt::format("tensor_parallel {} x context_parallel {} x pipeline_parallel {}", tp, cp, pp);
  const bool divides = ranks % replica == 0;
  if (plan.data_parallel == 0 && divides) plan.data_parallel = ranks / replica;
  if (plan.data_parallel == 0) {
    const std::string hint = nearest_legal(
        pp, ranks / (tp * cp), [&](std::int64_t v) { return ranks % (tp * cp * v) == 0; }, kFits);
    const std::string key =
        replica > ranks && pp == 1 ? (cp > 1 ? "context_parallel" : "tensor_parallel") : "pipeline_parallel";
    check.error(key, fmt::format("{} = {} does not divide the system's {} ranks{}", product, replica, ranks,
                                 hint.empty() ? "" : "; pipeline_parallel" + hint.substr(1)));
    return;
  }
  if (replica * plan.data_parallel == ranks) return;
  const std::string hint = divides ? fmt::format("; data_parallel {} fits", ranks / replica) : "";
  check.error("data_parallel", fmt::format("{} x data_parallel {} = {}, but the system has {} ranks{}", product,
                                           plan.data_parallel, plan.ranks(), ranks, hint));
}

void check_plan(PlanSpec& plan, const ModelSpec& model, std::int64_t ranks, SpecReader& reader) {
  const PlanCheck check{plan, model, ranks, reader};
  check_ranks(check);
  check_tensor(check);
  check_context(check);
  check_schedule(check);
  check_layers(check);
  check_experts(check);
  check_batch(check);
  check_states(check);
}

}  // namespace supernode
