#include "scenarios/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <functional>

#include "scenarios/result_json.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;
using Measure = std::function<double(const Outcome&)>;

ComparisonRow row(std::string name, const std::vector<Outcome>& outcomes, const Measure& measure) {
  ComparisonRow r{std::move(name), {}, {}};
  for (const Outcome& outcome : outcomes) r.values.push_back(measure(outcome));
  for (double value : r.values) r.ratios.push_back(r.values.front() / value);
  return r;
}

std::vector<ComparisonRow> make_rows(const std::vector<Outcome>& outcomes, std::int64_t equal_chips) {
  const auto dies_per_chip = [](const Outcome& o) {
    return static_cast<double>(o.size.dies) / static_cast<double>(o.size.chips);
  };
  const auto equal = static_cast<double>(equal_chips);
  return {
      row("tokens_per_s_die", outcomes, [](const Outcome& o) { return o.tokens_per_s.per_die; }),
      row("tokens_per_s_chip", outcomes, [](const Outcome& o) { return o.tokens_per_s.per_chip; }),
      row("tokens_per_s_supernode", outcomes, [](const Outcome& o) { return o.tokens_per_s.per_supernode; }),
      row("tokens_per_s_at_equal_chips", outcomes, [=](const Outcome& o) { return o.tokens_per_s.per_chip * equal; }),
      row("tokens_per_s", outcomes, [](const Outcome& o) { return o.tokens_per_s.total; }),
      row("model_flops_per_s_die", outcomes,
          [=](const Outcome& o) { return o.model_flops_chip.value() / dies_per_chip(o); }),
      row("model_flops_per_s_chip", outcomes, [](const Outcome& o) { return o.model_flops_chip.value(); }),
      row("bf16_peak_flops_per_s_chip", outcomes, [](const Outcome& o) { return o.bf16.peak_chip.value(); }),
      row("mfu_of_bf16_peak", outcomes, [](const Outcome& o) { return o.bf16.mfu; }),
      row("step_time_s", outcomes, [](const Outcome& o) { return o.step_time.value(); }),
  };
}

std::vector<GapPart> make_parts(const std::vector<Outcome>& outcomes) {
  std::vector<GapPart> list;
  for (const Outcome& outcome : outcomes) {
    const auto times = parts(outcome.breakdown);
    const double chips_per_token = static_cast<double>(outcome.size.chips) / outcome.tokens;
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (list.size() <= i) list.push_back({times[i].name, {}});
      list[i].chip_seconds_per_token.push_back(times[i].time.value() * chips_per_token);
    }
  }
  return list;
}

// "model: a, b" when the outcomes differ in `what`.
void note_difference(const std::vector<Outcome>& outcomes, std::string_view what,
                     const std::function<std::string(const Outcome&)>& value, std::vector<std::string>& notes) {
  std::vector<std::string> values;
  for (const Outcome& outcome : outcomes) values.push_back(value(outcome));
  const bool same = std::all_of(values.begin(), values.end(), [&](const auto& v) { return v == values.front(); });
  if (!same) notes.push_back(fmt::format("{} differs: {}", what, fmt::join(values, ", ")));
}

std::vector<std::string> make_notes(const std::vector<Outcome>& outcomes) {
  std::vector<std::string> notes;
  note_difference(
      outcomes, "the model", [](const Outcome& o) { return o.scenario.input.model.name; }, notes);
  note_difference(
      outcomes, "model FLOPs a token",
      [](const Outcome& o) { return fmt::format("{:.1f} GFLOP", o.model_flops.value() / o.tokens / 1e9); }, notes);
  note_difference(
      outcomes, "tokens in a sequence",
      [](const Outcome& o) { return std::to_string(o.scenario.input.plan.sequence_length); }, notes);
  note_difference(
      outcomes, "sequences in a step",
      [](const Outcome& o) { return std::to_string(o.scenario.input.plan.global_batch); }, notes);
  note_difference(
      outcomes, "the precision of matrix products",
      [](const Outcome& o) { return std::string(to_string(o.compute.precision)); }, notes);
  note_difference(
      outcomes, "the number of chips", [](const Outcome& o) { return std::to_string(o.size.chips); }, notes);
  return notes;
}

Json row_json(const ComparisonRow& r) {
  return {{"name", r.name}, {"values", r.values}, {"first_over_each_ratio", r.ratios}};
}

}  // namespace

Comparison compare(const std::vector<Outcome>& outcomes) {
  assert(outcomes.size() >= 2);
  Comparison comparison;
  for (const Outcome& outcome : outcomes) {
    assert(outcome.simulated);
    comparison.names.push_back(outcome.scenario.name);
  }
  const auto fewer = [](const Outcome& a, const Outcome& b) { return a.size.chips < b.size.chips; };
  comparison.equal_chips = std::min_element(outcomes.begin(), outcomes.end(), fewer)->size.chips;
  comparison.rows = make_rows(outcomes, comparison.equal_chips);
  comparison.parts = make_parts(outcomes);
  comparison.notes = make_notes(outcomes);
  return comparison;
}

Json comparison_json(const Comparison& comparison, const std::vector<Outcome>& outcomes) {
  Json json = {{"scenarios", comparison.names}, {"equal_chips", comparison.equal_chips}};
  json["rows"] = Json::array();
  for (const ComparisonRow& r : comparison.rows) json["rows"].push_back(row_json(r));
  json["gap"] = Json::array();
  for (const GapPart& part : comparison.parts) {
    json["gap"].push_back({{"part", part.name}, {"chip_s_per_token", part.chip_seconds_per_token}});
  }
  json["notes"] = comparison.notes;
  json["outcomes"] = Json::array();
  for (const Outcome& outcome : outcomes) json["outcomes"].push_back(outcome_json(outcome));
  return json;
}

}  // namespace supernode
