// The global batch over micro-batches and replicas.
#include <fmt/format.h>

#include <algorithm>

#include "workloads/plan_check.hpp"

namespace supernode {

namespace {

// Each layer of each micro-batch is simulated; beyond this a step would take minutes.
void check_length(const PlanCheck& check) {
  constexpr std::int64_t kMostLayerPasses = 1'000'000;
  const PlanSpec& plan = check.plan;
  const std::int64_t most = std::max<std::int64_t>(1, kMostLayerPasses / check.model.layers);
  if (plan.microbatches() <= most) return;
  check.error("global_batch",
              fmt::format("global_batch {} makes {} micro-batches per replica; at most {} of {} layers are simulated, "
                          "whose rate per token is the same: global_batch {} is enough",
                          plan.global_batch, plan.microbatches(), most, check.model.layers,
                          most * plan.micro_batch * plan.data_parallel));
}

}  // namespace

void check_batch(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  const std::int64_t per_round = plan.micro_batch * plan.data_parallel;
  if (per_round == 0 || plan.global_batch == 0) return;
  if (plan.global_batch % per_round == 0) return check_length(check);
  const auto fits = [&](std::int64_t v) { return v % per_round == 0; };
  check.error("global_batch",
              fmt::format("global_batch {} is not divisible by micro_batch {} x data_parallel {} = {}{}",
                          plan.global_batch, plan.micro_batch, plan.data_parallel, per_round,
                          nearest_legal(plan.global_batch, plan.global_batch + per_round, fits, kIs)));
}

}  // namespace supernode
