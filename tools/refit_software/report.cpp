#include "tools/refit_software/report.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <tuple>

#include "calibration/robust_fit.hpp"
#include "scenarios/csv_text.hpp"
#include "scenarios/error_summary.hpp"

namespace supernode {
namespace {

ScoredRow scored(const LeftOut& row) {
  ScoredRow out;
  out.groups = {
      {"table", table_of(*row.row)}, {"software", row.row->input.software.name}, {"chip", row.row->input.chip.name}};
  out.predicted = row.predicted;
  out.measured = row.measured;
  out.low = row.low;
  out.high = row.high;
  return out;
}

std::string line(const std::string& name, const ErrorSummary& s) {
  return fmt::format("  {:<24} {:>5}  {:>5.1f} %  {:>6.1f} %  {:>5.1f} %  {:>6.3f}  {:>4.0f} %\n", name, s.predicted,
                     100 * s.median_abs_error, 100 * s.p90_abs_error, 100 * s.mean_abs_error, s.bias,
                     100 * s.interval_coverage);
}

// Plans of one model on one machine, told apart by how long a token takes.
using Machine = std::tuple<std::string, std::string, std::string, std::int64_t, std::int64_t>;

std::string rank_correlations(const std::vector<LeftOut>& rows, RunFormat format, std::string_view name) {
  constexpr std::size_t kFewest = 5;
  std::map<Machine, std::pair<std::vector<double>, std::vector<double>>> machines;
  for (const LeftOut& row : rows) {
    const SimulationInput& in = row.row->input;
    if (row.row->format != format) continue;
    const double tokens = static_cast<double>(in.plan.global_batch) * static_cast<double>(in.plan.sequence_length);
    auto& [measured, predicted] =
        machines[{row.row->source, row.row->model, in.chip.name, in.plan.ranks(), in.plan.sequence_length}];
    measured.push_back(row.measured / tokens);
    predicted.push_back(row.predicted / tokens);
  }
  std::vector<double> correlations;
  for (const auto& [machine, times] : machines)
    if (times.first.size() >= kFewest)
      if (const auto rho = rank_correlation(times.first, times.second)) correlations.push_back(*rho);
  if (correlations.empty()) return "";
  return fmt::format("  {:<24} {} machines, median {:.3f}, lowest {:.3f}\n", name, correlations.size(),
                     quantile(correlations, 0.5), quantile(correlations, 0));
}

}  // namespace

std::vector<LeftOut> left_out(const std::vector<SoftwareRow>& rows, const SoftwareFit& fit) {
  std::vector<LeftOut> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double measured = rows[i].measured.value(), predicted = measured * std::exp(fit.left_out[i]);
    const double width = std::exp(kNinetyPercent * fit.left_out_spread[i]);
    out.push_back(
        {&rows[i], measured, predicted, measured * std::exp(fit.residuals[i]), predicted / width, predicted * width});
  }
  return out;
}

std::string table_of(const SoftwareRow& row) {
  switch (row.format) {
    case RunFormat::kTrainingRuns:
      return "training runs";
    case RunFormat::kNanotron:
      return "nanotron sweep";
    case RunFormat::kVtrain:
      break;
  }
  return row.input.plan.ranks() <= 8 ? "vTrain, one node" : "vTrain, many nodes";
}

std::string report(const std::vector<LeftOut>& rows) {
  std::vector<ScoredRow> all;
  for (const LeftOut& row : rows) all.push_back(scored(row));
  std::string out = fmt::format("left out by group        {:>5}  {:>7}  {:>8}  {:>7}  {:>6}  {:>6}\n", "rows", "median",
                                "p90", "mean", "bias", "in 90 %");
  out += line("all", summarise(all));
  for (const auto& [dimension, groups] : summarise_groups(all)) {
    out += fmt::format("{}\n", dimension);
    for (const auto& [name, summary] : groups) out += line(name, summary);
  }
  out += "rank correlation over the plans of one model and machine\n";
  out += rank_correlations(rows, RunFormat::kNanotron, "nanotron sweep");
  out += rank_correlations(rows, RunFormat::kVtrain, "vTrain");
  return out + rank_correlations(rows, RunFormat::kTrainingRuns, "training runs");
}

std::string left_out_csv(const std::vector<LeftOut>& rows) {
  std::string out = "id,source,model,software,chip,table,measured_s,predicted_s,low_s,high_s,fitted_s\n";
  for (const LeftOut& row : rows) {
    const SoftwareRow& r = *row.row;
    for (const std::string& text : {r.id, r.source, r.model, r.input.software.name, r.input.chip.name, table_of(r)})
      out += csv_cell(text) + ",";
    out +=
        fmt::format("{:.6g},{:.6g},{:.6g},{:.6g},{:.6g}\n", row.measured, row.predicted, row.low, row.high, row.fitted);
  }
  return out;
}

}  // namespace supernode
