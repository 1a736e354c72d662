#include "workloads/moe_load.hpp"

#include <algorithm>
#include <cmath>

#include "base/collective.hpp"
#include "base/numeric.hpp"

namespace supernode {

namespace {

// The busiest rank has `imbalance` times the mean; an expert drops what exceeds its capacity, or is padded up to it.
double load_factor(const RoutingSpec& routing) {
  if (routing.capacity_factor == 0) return routing.imbalance;
  if (routing.pad_to_capacity) return routing.capacity_factor;
  return std::min(routing.imbalance, routing.capacity_factor);
}

// Whole rows, none for rounding errors of the factors.
std::int64_t rows_up(double rows) { return static_cast<std::int64_t>(std::ceil(rows - 1e-6)); }

double carried_rows(const MoeLoad& load, const PlanSpec& plan, double tokens) {
  switch (plan.routing.dispatcher) {
    case TokenDispatcher::kOnce:
      return load.distinct;
    case TokenDispatcher::kCopies:
      return load.copies;
    case TokenDispatcher::kGather:
      return tokens * real(plan.expert_parallel);
  }
  return 0;
}

}  // namespace

MoeLoad moe_load(const RankShape& shape) {
  const MoeSpec& moe = shape.model.moe;
  const PlanSpec& plan = shape.plan;
  const double tokens = real(shape.local_tokens), ranks = real(plan.expert_parallel);
  MoeLoad load;
  load.choices = moe.real_topk();
  load.draws = std::clamp<std::int64_t>(std::llround(load.choices), 1, moe.experts);
  load.factor = load_factor(plan.routing);
  load.copies = tokens * load.choices * load.factor;
  load.distinct = tokens * load.factor * expected_distinct_bins(plan.expert_parallel, moe.experts, load.draws);
  load.carried = carried_rows(load, plan, tokens);
  // All tokens of the expert group, and of its tensor-parallel peers, over all experts.
  load.expert_rows = rows_up(load.copies * ranks * real(plan.expert_tensor_parallel) / real(moe.experts));
  return load;
}

}  // namespace supernode
