#include "workloads/memory_remedies.hpp"

#include <fmt/format.h>

#include <optional>

namespace supernode {
namespace {

struct Change {
  std::string text;  // "tensor_parallel: 8", as it stands in a scenario
  PlanSpec plan;
};

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

using Series = std::vector<Change>;

void push(const ModelSpec& model, std::string text, const PlanSpec& plan, Series& series) {
  if (is_legal(model, plan)) series.push_back({std::move(text), plan});
}

Series recompute_to(const ModelSpec& model, const PlanSpec& plan, Recompute recompute) {
  Series series;
  if (plan.recompute >= recompute) return series;
  PlanSpec changed = plan;
  changed.recompute = recompute;
  push(model, fmt::format("recompute: {}", to_string(recompute)), changed, series);
  return series;
}

Series zero_1(const ModelSpec& model, const PlanSpec& plan) {
  Series series;
  if (plan.zero_stage >= 1 || plan.data_parallel == 1) return series;
  PlanSpec changed = plan;
  changed.zero_stage = 1;
  push(model, "zero_stage: 1", changed, series);
  return series;
}

Series smaller_micro_batches(const ModelSpec& model, const PlanSpec& plan) {
  Series series;
  for (std::int64_t size = plan.micro_batch / 2; size >= 1; size /= 2) {
    PlanSpec changed = plan;
    changed.micro_batch = size;
    push(model, fmt::format("micro_batch: {}", size), changed, series);
  }
  return series;
}

// Doubles a degree of parallelism on the same ranks: tensor and pipeline at the cost of data parallelism, experts
// within it.
Series more_parallel(const ModelSpec& model, const PlanSpec& plan, const char* name, std::int64_t PlanSpec::*degree) {
  Series series;
  const bool takes_data = degree != &PlanSpec::expert_parallel;
  for (std::int64_t factor = 2; factor <= plan.tensor_parallel * plan.data_parallel; factor *= 2) {
    if (takes_data && plan.data_parallel % factor != 0) break;
    PlanSpec changed = plan;
    changed.*degree *= factor;
    if (takes_data) changed.data_parallel /= factor;
    std::string text = fmt::format("{}: {}", name, changed.*degree);
    if (takes_data) text += fmt::format(", data_parallel: {}", changed.data_parallel);
    push(model, text, changed, series);
  }
  return series;
}

// One series a kind of remedy, cheapest kind first; within a series each change saves more than the last.
std::vector<Series> all_series(const ModelSpec& model, const PlanSpec& plan) {
  std::vector<Series> all = {recompute_to(model, plan, Recompute::kSelective),
                             zero_1(model, plan),
                             recompute_to(model, plan, Recompute::kFull),
                             smaller_micro_batches(model, plan),
                             more_parallel(model, plan, "tensor_parallel", &PlanSpec::tensor_parallel),
                             more_parallel(model, plan, "pipeline_parallel", &PlanSpec::pipeline_parallel)};
  if (model.moe.experts > 0) all.push_back(more_parallel(model, plan, "expert_parallel", &PlanSpec::expert_parallel));
  return all;
}

std::string with_peak(const std::string& text, Bytes peak, Bytes capacity) {
  using namespace literals;
  return fmt::format("{} (peak {:.1f} GiB of {:.1f})", text, peak / 1_GiB, capacity / 1_GiB);
}

struct Trial {
  Change change;
  Bytes need;
};

// The first change of the series that fits, else the one that needs least.
std::optional<Trial> best_trial(const ModelSpec& model, const Series& series, Bytes capacity) {
  std::optional<Trial> best;
  for (const Change& change : series) {
    const Bytes need = peak_memory(estimate_stages(model, change.plan));
    if (!best || need < best->need) best = {change, need};
    if (need <= capacity) return Trial{change, need};
  }
  return best;
}

// Adds a change to the list, in place of an earlier one of the same key.
void supersede(std::vector<std::string>& changes, const std::string& text) {
  const std::string key = text.substr(0, text.find(':') + 1);
  std::erase_if(changes, [&](const std::string& earlier) { return earlier.starts_with(key); });
  changes.push_back(text);
}

// Applies the kinds one after another, leaving out those that save nothing, until the plan fits.
std::optional<std::string> fitting_together(const ModelSpec& model, PlanSpec plan, Bytes capacity) {
  std::vector<std::string> changes;
  Bytes need = peak_memory(estimate_stages(model, plan));
  const std::size_t kinds = all_series(model, plan).size();
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    const auto trial = best_trial(model, all_series(model, plan)[kind], capacity);
    if (!trial || trial->need >= need) continue;
    supersede(changes, trial->change.text);
    plan = trial->change.plan;
    need = trial->need;
    if (need <= capacity) return with_peak(fmt::format("{}", fmt::join(changes, ", ")), need, capacity);
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> find_remedies(const ModelSpec& model, const PlanSpec& plan, Bytes capacity) {
  std::vector<std::string> remedies;
  for (const Series& series : all_series(model, plan)) {
    const auto trial = best_trial(model, series, capacity);
    if (trial && trial->need <= capacity) remedies.push_back(with_peak(trial->change.text, trial->need, capacity));
  }
  if (!remedies.empty()) return remedies;
  if (auto text = fitting_together(model, plan, capacity)) remedies.push_back(*text);
  return remedies;
}

}  // namespace supernode
