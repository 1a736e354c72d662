// Layers over the pieces of the model, and which of them are recomputed.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "workloads/plan_check.hpp"
#include "workloads/rank_layout.hpp"

namespace supernode {

namespace {

// "pipeline_parallel 4 x virtual_stages 2 = 8": the pieces that the layers are split over.
std::string pieces_text(const PlanSpec& plan) {
  const std::int64_t pieces = chain_length(plan);
  if (pieces == plan.pipeline_parallel) return fmt::format("pipeline_parallel {}", pieces);
  return fmt::format("pipeline_parallel {} x virtual_stages {} = {}", plan.pipeline_parallel, plan.virtual_stages,
                     pieces);
}

void check_stage_layers(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  const auto& counts = plan.stage_layers;
  if (std::ssize(counts) != chain_length(plan)) {
    check.error("stage_layers", fmt::format("stage_layers has {} entries, but the model has {} pieces ({})",
                                            counts.size(), chain_length(plan), pieces_text(plan)));
    return;
  }
  const std::int64_t sum = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  if (sum != check.model.layers) {
    check.error("stage_layers",
                fmt::format("stage_layers sums to {}, but the model has {} layers; {} {}", sum, check.model.layers,
                            std::abs(sum - check.model.layers), sum > check.model.layers ? "too many" : "are missing"));
  }
  for (const auto& [set, key] :
       {std::pair(plan.balance_embedding, "balance_embedding"), std::pair(plan.uneven_stages, "uneven_stages")}) {
    if (set) check.warning(key, fmt::format("{} has no effect: stage_layers gives the split", key));
  }
}

// The last piece is among the lightest; it has to hold what the split counts beside its layers.
void check_even_split(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  const std::int64_t pieces = chain_length(plan);
  if (pieces == 1) return;
  const bool balanced = plan.balance_embedding;
  const std::int64_t mtp = check.model.mtp_layers, split = layers_to_split(plan, check.model);
  const std::int64_t least = balanced ? 1 + mtp : 1;
  const std::string what =
      !balanced ? fmt::format("layers {}", split)
                : fmt::format("layers + embedding + head{} = {}", mtp > 0 ? " + MTP modules" : "", split);
  if (split / pieces < least) {
    check.error("pipeline_parallel",
                fmt::format("{} are too few for {}: each piece needs at least {}", what, pieces_text(plan), least));
  } else if (split % pieces != 0 && !plan.uneven_stages) {
    const std::int64_t per_stage = pieces / plan.pipeline_parallel;
    const auto splits = [&](std::int64_t pp) {
      return split % (pp * per_stage) == 0 && split / (pp * per_stage) >= least;
    };
    check.error("pipeline_parallel",
                fmt::format("{} is not divisible by {}{}; uneven_stages: true allows stages that differ by one layer",
                            what, pieces_text(plan), nearest_legal(plan.pipeline_parallel, split, splits, kIs)));
  }
}

void check_recomputed(const PlanCheck& check) {
  const PlanSpec& plan = check.plan;
  const RecomputeSpec& recomputed = plan.recomputed;
  if (!recomputed.modules.empty() && plan.recompute != Recompute::kSelective) {
    check.warning("recomputed", fmt::format("recomputed.modules has no effect: recompute is {}, not selective",
                                            to_string(plan.recompute)));
  }
  if ((recomputed.block > 0 || recomputed.group > 1) && plan.recompute != Recompute::kFull) {
    check.warning("recomputed", fmt::format("recomputed.block and .group have no effect: recompute is {}, not full",
                                            to_string(plan.recompute)));
  }
  if (recomputed.block > 0 && recomputed.group > 1) {
    check.error("recomputed", "recomputed takes either block (some layers) or group (several layers a checkpoint)");
  }
  if (recomputed.block > check.model.layers) {
    check.error("recomputed", fmt::format("recomputed.block {} is above the model's {} layers", recomputed.block,
                                          check.model.layers));
  }
}

}  // namespace

void check_layers(const PlanCheck& check) {
  check.plan.stage_layers.empty() ? check_even_split(check) : check_stage_layers(check);
  check_recomputed(check);
}

}  // namespace supernode
