#include "tools/comparison_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "tools/format.hpp"
#include "tools/run_report.hpp"
#include "tools/table.hpp"

namespace supernode {

namespace {

// "A", "B", …: columns are narrow, names of scenarios are not.
std::string letter(std::size_t i) { return std::string(1, static_cast<char>('A' + i % 26)); }

std::string names_section(const std::vector<Outcome>& outcomes, const Style& style) {
  Table table;
  for (std::size_t column : {1, 2, 3, 5}) table.align(column, Align::kLeft);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Outcome& o = outcomes[i];
    table.add({letter(i), o.scenario.name, o.scenario.input.model.name, o.scenario.input.system.name,
               std::to_string(o.size.chips), fmt::format("chips, {} dies", o.size.dies)});
  }
  return style.title("Compared") + '\n' + table.render() + '\n';
}

using ValueText = std::function<std::string(double)>;

struct RowStyle {
  std::string label;
  ValueText text;
};

RowStyle row_style(const std::string& name, std::int64_t equal_chips) {
  const ValueText rate = [](double v) { return flops_rate_text(FlopsPerSecond(v)); };
  if (name == "tokens_per_s_at_equal_chips") return {fmt::format("tokens/s at {} chips each", equal_chips), count_text};
  if (name == "tokens_per_s_die") return {"tokens/s a die", count_text};
  if (name == "tokens_per_s_chip") return {"tokens/s a chip", count_text};
  if (name == "tokens_per_s_supernode") return {"tokens/s a supernode", count_text};
  if (name == "tokens_per_s") return {"tokens/s of the whole job", count_text};
  if (name == "model_flops_per_s_die") return {"model FLOP/s a die", rate};
  if (name == "model_flops_per_s_chip") return {"model FLOP/s a chip", rate};
  if (name == "bf16_peak_flops_per_s_chip") return {"dense bf16 peak a chip", rate};
  if (name == "mfu_of_bf16_peak") return {"MFU of that peak", percent_text};
  if (name == "step_time_s") return {"step time", [](double v) { return time_text(Seconds(v)); }};
  return {name, significant_text};
}

std::vector<std::string> header(std::size_t count, const std::string& ratio_format) {
  std::vector<std::string> cells = {""};
  for (std::size_t i = 0; i < count; ++i) cells.push_back(letter(i));
  for (std::size_t i = 1; i < count; ++i) cells.push_back(fmt::format(fmt::runtime(ratio_format), letter(i)));
  return cells;
}

std::string rates_section(const Comparison& comparison, const Style& style) {
  Table table(header(comparison.names.size(), "A/{}"));
  for (const ComparisonRow& row : comparison.rows) {
    const RowStyle look = row_style(row.name, comparison.equal_chips);
    std::vector<std::string> cells = {look.label};
    for (double value : row.values) cells.push_back(look.text(value));
    for (std::size_t i = 1; i < row.ratios.size(); ++i) cells.push_back(ratio_text(row.ratios[i]));
    table.add(std::move(cells));
  }
  return style.title("Rates") + '\n' + table.render() + '\n';
}

std::string chip_us(double seconds) { return significant_text(seconds * 1e6); }

void add_gap_row(Table& table, const std::string& label, const std::vector<double>& costs) {
  std::vector<std::string> cells = {label};
  for (double cost : costs) cells.push_back(chip_us(cost));
  for (std::size_t i = 1; i < costs.size(); ++i) cells.push_back(fmt::format("{:+.2f}", (costs[0] - costs[i]) * 1e6));
  table.add(std::move(cells));
}

std::string gap_section(const Comparison& comparison, const Style& style) {
  Table table(header(comparison.names.size(), "A-{}"));
  std::vector<double> sums(comparison.names.size(), 0.0);
  for (const GapPart& part : comparison.parts) {
    const auto& costs = part.chip_seconds_per_token;
    for (std::size_t i = 0; i < costs.size(); ++i) sums[i] += costs[i];
    if (std::all_of(costs.begin(), costs.end(), [](double cost) { return cost == 0; })) continue;
    std::string label = part.name;
    std::replace(label.begin(), label.end(), '_', ' ');
    add_gap_row(table, label, costs);
  }
  add_gap_row(table, "sum", sums);
  return style.title("The gap per chip, part by part") + " (chip-microseconds one token costs)\n" + table.render() +
         '\n';
}

double ratio_of(const Comparison& comparison, const std::string& name, std::size_t against) {
  const auto row = std::find_if(comparison.rows.begin(), comparison.rows.end(),
                                [&](const ComparisonRow& r) { return r.name == name; });
  return row->ratios[against];
}

// The question of the whole comparison in one sentence a pair: what is left of the gap per chip when chips are many.
std::string summary_section(const Comparison& comparison, const std::vector<Outcome>& outcomes, const Style& style) {
  std::string out = style.title("In short") + '\n';
  for (std::size_t i = 1; i < outcomes.size(); ++i) {
    out += wrap(
        fmt::format("A chip of A trains at {} of a chip of {}; a supernode of A ({} chips) at {} of a "
                    "supernode of {} ({} chips).",
                    ratio_text(ratio_of(comparison, "tokens_per_s_chip", i)), letter(i),
                    outcomes[0].size.chips_per_supernode, ratio_text(ratio_of(comparison, "tokens_per_s_supernode", i)),
                    letter(i), outcomes[i].size.chips_per_supernode),
        2);
  }
  return out + '\n';
}

std::string published_section(const std::vector<Outcome>& outcomes, const Style& style) {
  std::string out;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const PublishedResult& published = outcomes[i].scenario.published;
    if (published.any()) out += wrap(fmt::format("{}: {}", letter(i), published.source), 2);
  }
  return out.empty() ? "" : style.title("Published runs beside these (see supernode run)") + '\n' + out + '\n';
}

}  // namespace

std::string comparison_report(const Comparison& comparison, const std::vector<Outcome>& outcomes, const Style& style) {
  std::string out = names_section(outcomes, style) + summary_section(comparison, outcomes, style);
  out += rates_section(comparison, style) + gap_section(comparison, style);
  out += published_section(outcomes, style);
  out += style.title("Mind") + '\n';
  for (const std::string& note : comparison.notes) out += "  - " + note + '\n';
  std::string equal = wrap(fmt::format("at equal chips: the rate per chip times {}, as if the larger job gave up "
                                       "data-parallel replicas and kept its rate per chip",
                                       comparison.equal_chips),
                           4);
  equal[2] = '-';
  return out + equal;
}

}  // namespace supernode
