// Errors over the full tables of published figures.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <sstream>

#include "calibration/robust_fit.hpp"
#include "tools/fidelity_table/tables.hpp"
#include "tools/format.hpp"

namespace supernode {

namespace {

constexpr std::size_t kWorst = 20;

using Takes = std::function<bool(const ScoredRow&)>;

std::string group(const ScoredRow& row, std::string_view dimension) {
  for (const auto& [name, value] : row.groups)
    if (name == dimension) return value;
  return "";
}

ErrorSummary summary_where(const std::vector<ScoredRow>& rows, const Takes& takes) {
  std::vector<const ScoredRow*> taken;
  for (const ScoredRow& row : rows)
    if (takes(row)) taken.push_back(&row);
  return summarise(taken);
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
bool on_ascend(const ScoredRow& row) { return has(group(row, "chip"), "scend"); }

std::vector<ScoredRow> all_scores(const Reference& reference, RunShare share) {
  std::vector<ScoredRow> rows;
  for (const ValidatedTable& table : reference.runs)
    for (ScoredRow& row : scores(table.validation, share)) {
      row.groups.insert(row.groups.begin(), {"table", table.name});
      rows.push_back(std::move(row));
    }
  return rows;
}

// One line of the table of targets.
std::string target(const std::string& what, const std::string& aim, const ErrorSummary& summary) {
  return fmt::format("| {} | {} |{}\n", what, aim, summary_cells(summary));
}

std::string kernel_targets(const std::vector<ScoredRow>& rows) {
  const auto is = [](std::string_view part, bool ascend) {
    return [=](const ScoredRow& row) { return has(group(row, "op_class"), part) && on_ascend(row) == ascend; };
  };
  const auto attention = [](const ScoredRow& row) {
    const std::string op = group(row, "op_class");
    return has(op, "attention") && !has(op, "decode");
  };
  return target("GEMM and grouped GEMM, Nvidia", "median ≤ 8 %, p90 ≤ 25 %", summary_where(rows, is("gemm", false))) +
         target("GEMM and grouped GEMM, Ascend", "median ≤ 10 %, p90 ≤ 30 %", summary_where(rows, is("gemm", true))) +
         target("attention", "median ≤ 12 %, p90 ≤ 35 %", summary_where(rows, attention));
}

std::string collective_targets(const std::vector<ScoredRow>& rows) {
  const auto of = [](std::string_view name) {
    return [=](const ScoredRow& row) { return group(row, "op_class") == name; };
  };
  return target("collectives ≥ 1 MiB", "median ≤ 10 %, p90 ≤ 30 %", summary_where(rows, of(">= 1 MiB"))) +
         target("collectives < 1 MiB", "median ≤ 20 %", summary_where(rows, of("< 1 MiB"))) +
         target("expert dispatch and combine", "median ≤ 12 %", summary_where(rows, of("expert exchange")));
}

std::string correlation_line(const Reference& reference) {
  std::vector<double> values;
  for (const ValidatedTable& table : reference.runs)
    for (const auto& [plans, correlation] : plan_correlations(table.validation)) values.push_back(correlation);
  return fmt::format(
      "| rank correlation over the plans of one model and machine | median ≥ 0.9 | {} groups | {:.3f} | | | | |\n",
      values.size(), quantile(values, 0.5));
}

std::string run_targets(const std::vector<ScoredRow>& rows, const Reference& reference) {
  const auto in = [](std::string_view table) {
    return [=](const ScoredRow& row) { return has(group(row, "table"), table); };
  };
  const auto published = in("training_runs");
  const auto ascend = [&](const ScoredRow& row) { return published(row) && on_ascend(row); };
  const auto recompute_paper = [&](const ScoredRow& row) {
    return published(row) && has(group(row, "source"), "2205.05198");
  };
  return target("training runs, spec A and A-", "median ≤ 10 %, p90 ≤ 30 %", summary_where(rows, published)) +
         target("of them on Ascend", "median ≤ 12 %", summary_where(rows, ascend)) +
         target("vTrain, many nodes", "mean ≤ 8 %", summary_where(rows, in("vtrain_a100_multi"))) +
         target("vTrain, one node", "mean ≤ 15 %", summary_where(rows, in("vtrain_a100_single"))) +
         target("Calculon's cases (arXiv 2205.05198)", "mean < 3.65 %", summary_where(rows, recompute_paper)) +
         correlation_line(reference);
}

std::string worst_table(const Reference& reference, const std::map<std::string, std::string>& mechanisms) {
  std::vector<const ValidatedRun*> runs;
  for (const ValidatedTable& table : reference.runs)
    for (const ValidatedRun& run : table.validation.runs)
      if (run.share == RunShare::kMain) runs.push_back(&run);
  const auto badness = [](const ValidatedRun* run) { return std::abs(run->ratio() - 1); };
  std::stable_sort(runs.begin(), runs.end(), [&](auto* a, auto* b) { return badness(a) > badness(b); });
  runs.resize(std::min(kWorst, runs.size()));
  std::string text =
      "| worst run | software | measured | simulated | simulated / measured | where our time goes | mechanism |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const ValidatedRun* run : runs) {
    const auto written = mechanisms.find(run->id);
    text += fmt::format("| {} | {} | {} | {} | {:.2f} | {} | {} |\n", run->id, run->software,
                        time_text(Seconds(run->measured_s)), time_text(Seconds(run->simulated_s)), run->ratio(),
                        run->breakdown, written == mechanisms.end() ? "not yet explained" : written->second);
  }
  return text;
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, '|');) {
    const auto first = cell.find_first_not_of(' ');
    cells.push_back(first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
  }
  return cells;
}

}  // namespace

std::string reference_tables(const Reference& reference, const std::map<std::string, std::string>& mechanisms) {
  const std::vector<ScoredRow> main = all_scores(reference, RunShare::kMain);
  std::string text = fmt::format("| what | aim |{}\n|---|---|---|---|---|---|---|---|\n", kSummaryHeader);
  if (reference.kernels) text += kernel_targets(reference.kernels->scores());
  if (reference.collectives) text += collective_targets(reference.collectives->scores());
  text += run_targets(main, reference);
  text += target("apart: spec B", "", summarise(all_scores(reference, RunShare::kGradeB)));
  text += target("apart: reinforcement learning", "", summarise(all_scores(reference, RunShare::kRl)));
  text += "\nTraining runs:\n\n" +
          groups_table(main, {"table", "chip", "software", "class", "kind", "parallelism", "spec"});
  if (reference.kernels) text += "\nKernels:\n\n" + groups_table(reference.kernels->scores(), {"chip", "op_class"});
  if (reference.collectives)
    text += "\nCollectives:\n\n" + groups_table(reference.collectives->scores(), {"system", "op_class", "op"});
  return text + "\n" + worst_table(reference, mechanisms);
}

std::string left_out_tables(const std::string& file) {
  Diagnostics diagnostics;
  const std::vector<std::string> columns = {"software",    "chip",  "table", "measured_s",
                                            "predicted_s", "low_s", "high_s"};
  const auto table = CsvTable::parse({file, read_or_throw(file)}, columns, diagnostics);
  if (!table) throw std::runtime_error(diagnostics.render());
  std::vector<ScoredRow> rows;
  for (const CsvRow& row : table->rows()) {
    const auto number = [&](const char* column) { return row.number(column, diagnostics).value_or(0); };
    rows.push_back({.groups = {{"table", std::string(row.text("table"))},
                               {"software", std::string(row.text("software"))},
                               {"chip", std::string(row.text("chip"))}},
                    .skipped = "",
                    .predicted = number("predicted_s"),
                    .measured = number("measured_s"),
                    .low = number("low_s"),
                    .high = number("high_s")});
  }
  if (diagnostics.has_errors()) throw std::runtime_error(diagnostics.render());
  return "\nEach run by a fit without its group (source and model):\n\n" +
         groups_table(rows, {"table", "software", "chip"});
}

std::map<std::string, std::string> written_mechanisms(const std::string& document) {
  std::map<std::string, std::string> mechanisms;
  std::istringstream stream(document);
  bool inside = false;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("| worst run |")) inside = true;
    if (line.empty()) inside = false;
    const std::vector<std::string> cells = inside ? cells_of(line) : std::vector<std::string>();
    if (cells.size() >= 8 && cells[7] != "mechanism" && cells[7] != "---") mechanisms[cells[1]] = cells[7];
  }
  return mechanisms;
}

}  // namespace supernode
