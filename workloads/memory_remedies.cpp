#include "workloads/memory_remedies.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "workloads/rank_layout.hpp"

namespace supernode {
namespace {

// Divisibility, by the same rules that reject a user's plan.
bool is_legal(const ModelSpec& model, PlanSpec plan) {
  if (plan.data_parallel < 1 || plan.micro_batch < 1 || plan.microbatches() < 1) return false;
  Diagnostics diagnostics;
  YamlNode empty;
  empty.kind = YamlNode::Kind::kMap;
  SpecReader reader(empty, "plan", diagnostics);
  check_plan(plan, model, plan.ranks(), reader);
  return !diagnostics.has_errors();
}

// Changed plans of one kind, each of which saves more than the last.
using Series = std::vector<PlanSpec>;

void push(const ModelSpec& model, const PlanSpec& plan, Series& series) {
  if (is_legal(model, plan)) series.push_back(plan);
}

Series recompute_to(const ModelSpec& model, const PlanSpec& plan, Recompute recompute) {
  Series series;
  const bool more = plan.recompute < recompute || (plan.recompute == recompute && plan.recomputed.block > 0);
  if (!more) return series;
  PlanSpec changed = plan;
  changed.recompute = recompute;
  changed.recomputed = {};
  push(model, changed, series);
  return series;
}

// Full recomputation of 1, 2, 4, … leading layers of each piece, short of all.
Series recompute_blocks(const ModelSpec& model, const PlanSpec& plan) {
  Series series;
  if (plan.recompute == Recompute::kFull) return series;
  for (std::int64_t block = 1; block < model.layers / chain_length(plan); block *= 2) {
    PlanSpec changed = plan;
    changed.recompute = Recompute::kFull;
    changed.recomputed = {};
    changed.recomputed.block = block;
    push(model, changed, series);
  }
  return series;
}

Series shard(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage) {
  Series series;
  if (plan.zero_stage >= stage || plan.replicas() == 1) return series;
  PlanSpec changed = plan;
  changed.zero_stage = stage;
  push(model, changed, series);
  return series;
}

Series offload(const ModelSpec& model, const PlanSpec& plan, double OffloadSpec::*share) {
  Series series;
  for (double moved : {0.5, 1.0}) {
    if (plan.offload.*share >= moved) continue;
    PlanSpec changed = plan;
    changed.offload.*share = moved;
    push(model, changed, series);
  }
  return series;
}

Series smaller_micro_batches(const ModelSpec& model, const PlanSpec& plan) {
  Series series;
  for (std::int64_t size = plan.micro_batch / 2; size >= 1; size /= 2) {
    PlanSpec changed = plan;
    changed.micro_batch = size;
    push(model, changed, series);
  }
  return series;
}

// Doubles a degree of parallelism on the same ranks: context, tensor and pipeline at the cost of data parallelism,
// experts within it.
Series more_parallel(const ModelSpec& model, const PlanSpec& plan, std::int64_t PlanSpec::*degree) {
  Series series;
  const bool takes_data = degree != &PlanSpec::expert_parallel;
  for (std::int64_t factor = 2; factor <= plan.stage_ranks(); factor *= 2) {
    if (takes_data && plan.data_parallel % factor != 0) break;
    PlanSpec changed = plan;
    changed.*degree *= factor;
    if (takes_data) changed.data_parallel /= factor;
    push(model, changed, series);
  }
  return series;
}

// One series a kind of remedy, cheapest kind first: what costs little computation, then what adds communication, then
// what leans on the host link.
std::vector<Series> all_series(const ModelSpec& model, const PlanSpec& plan) {
  std::vector<Series> all = {recompute_to(model, plan, Recompute::kSelective),
                             shard(model, plan, 1),
                             recompute_blocks(model, plan),
                             recompute_to(model, plan, Recompute::kFull),
                             smaller_micro_batches(model, plan),
                             offload(model, plan, &OffloadSpec::optimizer),
                             more_parallel(model, plan, &PlanSpec::context_parallel),
                             more_parallel(model, plan, &PlanSpec::tensor_parallel),
                             more_parallel(model, plan, &PlanSpec::pipeline_parallel)};
  if (model.moe.experts > 0) all.push_back(more_parallel(model, plan, &PlanSpec::expert_parallel));
  all.push_back(shard(model, plan, 3));
  all.push_back(offload(model, plan, &OffloadSpec::activations));
  return all;
}

struct DegreeName {
  const char* name;
  std::int64_t PlanSpec::*degree;
};
constexpr std::array kDegrees = {
    DegreeName{"zero_stage", &PlanSpec::zero_stage},
    DegreeName{"micro_batch", &PlanSpec::micro_batch},
    DegreeName{"context_parallel", &PlanSpec::context_parallel},
    DegreeName{"tensor_parallel", &PlanSpec::tensor_parallel},
    DegreeName{"pipeline_parallel", &PlanSpec::pipeline_parallel},
    DegreeName{"expert_parallel", &PlanSpec::expert_parallel},
    DegreeName{"data_parallel", &PlanSpec::data_parallel},
};

// What is different, as it stands in a scenario: "recompute: full, tensor_parallel: 8, data_parallel: 4".
std::string difference(const PlanSpec& before, const PlanSpec& after) {
  std::vector<std::string> changes;
  if (before.recompute != after.recompute || before.recomputed.block != after.recomputed.block) {
    changes.push_back(fmt::format("recompute: {}", to_string(after.recompute)));
    if (after.recomputed.block > 0) changes.push_back(fmt::format("recomputed: {{block: {}}}", after.recomputed.block));
  }
  const OffloadSpec &was = before.offload, &is = after.offload;
  if (was.optimizer != is.optimizer || was.activations != is.activations) {
    std::string moved = is.activations > 0 ? fmt::format("activations: {}", is.activations) : "";
    if (is.optimizer > 0) moved += fmt::format("{}optimizer: {}", moved.empty() ? "" : ", ", is.optimizer);
    changes.push_back("offload: {" + moved + "}");
  }
  for (const DegreeName& name : kDegrees) {
    if (before.*name.degree != after.*name.degree) {
      changes.push_back(fmt::format("{}: {}", name.name, after.*name.degree));
    }
  }
  return fmt::format("{}", fmt::join(changes, ", "));
}

struct Trial {
  PlanSpec plan;
  Bytes need;
};

std::string remedy_text(const PlanSpec& before, const Trial& trial, Bytes capacity) {
  using namespace literals;
  return fmt::format("{} (peak {:.1f} GiB of {:.1f})", difference(before, trial.plan), trial.need / 1_GiB,
                     capacity / 1_GiB);
}

// The first change of the series that fits, else the one that needs least.
std::optional<Trial> best_trial(const ModelSpec& model, const Series& series, Bytes capacity) {
  std::optional<Trial> best;
  for (const PlanSpec& plan : series) {
    const Bytes need = peak_memory(estimate_stages(model, plan));
    if (!best || need < best->need) best = {plan, need};
    if (need <= capacity) return best;
  }
  return best;
}

// Applies the kinds one after another, leaving out those that save nothing, until the plan fits.
std::optional<Trial> fitting_together(const ModelSpec& model, PlanSpec plan, Bytes capacity) {
  Trial now{plan, peak_memory(estimate_stages(model, plan))};
  const std::size_t kinds = all_series(model, plan).size();
  for (std::size_t kind = 0; kind < kinds && now.need > capacity; ++kind) {
    const auto trial = best_trial(model, all_series(model, now.plan)[kind], capacity);
    if (trial && trial->need < now.need) now = *trial;
  }
  return now.need <= capacity ? std::optional(now) : std::nullopt;
}

}  // namespace

std::vector<std::string> find_remedies(const ModelSpec& model, const PlanSpec& plan, Bytes capacity) {
  std::vector<std::string> remedies;
  for (const Series& series : all_series(model, plan)) {
    const auto trial = best_trial(model, series, capacity);
    if (trial && trial->need <= capacity) remedies.push_back(remedy_text(plan, *trial, capacity));
  }
  if (!remedies.empty()) return remedies;
  if (const auto trial = fitting_together(model, plan, capacity))
    remedies.push_back(remedy_text(plan, *trial, capacity));
  return remedies;
}

}  // namespace supernode
