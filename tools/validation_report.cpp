#include "tools/validation_report.hpp"

#include <fmt/format.h>

#include "calibration/robust_fit.hpp"
#include "scenarios/csv_text.hpp"
#include "scenarios/error_summary_json.hpp"
#include "scenarios/result_json.hpp"
#include "tools/format.hpp"
#include "tools/input_json.hpp"
#include "tools/table.hpp"
#include "tools/trace_report.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

std::string joined(const std::vector<std::string>& texts) { return fmt::format("{}", fmt::join(texts, "; ")); }

bool simulated(const ValidatedRun& run) { return run.share != RunShare::kSkipped; }

Json run_json(const ValidatedRun& run) {
  const auto figure = [&](double value) { return simulated(run) ? Json(value) : Json(nullptr); };
  return {{"id", run.id},
          {"share", to_string(run.share)},
          {"chip", run.chip},
          {"model", run.model},
          {"class", run.model_class},
          {"kind", run.kind},
          {"software", run.software},
          {"parallelism", run.parallelism},
          {"spec", run.spec},
          {"figure", run.figure},
          {"measured_s", figure(run.measured_s)},
          {"simulated_s", figure(run.simulated_s)},
          {"low_s", figure(run.low_s)},
          {"high_s", figure(run.high_s)},
          {"ratio", simulated(run) ? Json(run.ratio()) : Json(nullptr)},
          {"inside", simulated(run) ? Json(run.inside()) : Json(nullptr)},
          {"fits_memory", simulated(run) ? Json(run.fits_memory) : Json(nullptr)},
          {"breakdown", run.breakdown},
          {"skipped", run.skipped},
          {"assumed", run.assumed},
          {"source", run.source}};
}

Json correlation_json(const Validation& validation) {
  Json by = Json::object();
  std::vector<double> values;
  for (const auto& [plan, correlation] : plan_correlations(validation)) {
    by[plan] = correlation;
    values.push_back(correlation);
  }
  return {{"groups", values.size()},
          {"median", values.empty() ? Json(nullptr) : Json(quantile(values, 0.5))},
          {"by_plans_of", std::move(by)}};
}

std::string run_cells(const ValidatedRun& run) {
  if (!simulated(run))
    return fmt::format("{},{},{},,,,,,,,,{},{}", to_string(run.share), run.model_class, run.kind, csv_cell(run.skipped),
                       csv_cell(joined(run.assumed)));
  return fmt::format("{},{},{},{},{},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{},,{}", to_string(run.share), run.model_class,
                     run.kind, csv_cell(run.software), csv_cell(run.figure), run.measured_s, run.simulated_s,
                     run.ratio(), run.low_s, run.high_s, run.fits_memory, csv_cell(joined(run.assumed)));
}

std::string note(const ValidatedRun& run) {
  std::string text = run.share == RunShare::kMain ? "" : fmt::format("{}, apart", to_string(run.share));
  if (!run.inside()) text += fmt::format("{}outside", text.empty() ? "" : "; ");
  if (!run.fits_memory) text += fmt::format("{}does not fit by our estimate", text.empty() ? "" : "; ");
  return text;
}

std::string runs_text(const Validation& validation, bool assumptions) {
  Table table({"run", "chip", "from", "measured", "simulated", "error", "90 % interval", ""});
  table.align(1, Align::kLeft);
  table.align(2, Align::kLeft);
  table.align(7, Align::kLeft);
  std::string assumed;
  for (const ValidatedRun& run : validation.runs) {
    if (!simulated(run)) {
      table.add({run.id, run.chip, "skipped: " + run.skipped});
      continue;
    }
    table.add({run.id, run.chip, run.figure, time_text(Seconds(run.measured_s)), time_text(Seconds(run.simulated_s)),
               fmt::format("{:+.1f} %", (run.ratio() - 1) * 100),
               fmt::format("{} to {}", time_text(Seconds(run.low_s)), time_text(Seconds(run.high_s))), note(run)});
    if (assumptions) {
      assumed += fmt::format("  {}\n", run.id);
      for (const std::string& text : run.assumed) assumed += fmt::format("    {}\n", text);
    }
  }
  return table.render() + (assumed.empty() ? "" : "\nAssumed\n" + assumed);
}

std::string groups_text(const std::vector<ScoredRow>& rows) {
  Table table({"by", "", "rows", "simulated", "median error", "p90", "mean", "bias", "in 90 %"});
  table.align(1, Align::kLeft);
  for (const auto& [dimension, groups] : summarise_groups(rows)) {
    for (const auto& [value, s] : groups) {
      if (s.predicted == 0) continue;
      table.add({dimension, value, std::to_string(s.rows), std::to_string(s.predicted),
                 percent_text(s.median_abs_error), percent_text(s.p90_abs_error), percent_text(s.mean_abs_error),
                 fmt::format("{:.3f}", s.bias), percent_text(s.interval_coverage)});
    }
  }
  return table.empty() ? "" : table.render() + '\n';
}

std::string correlation_text(const Validation& validation) {
  std::vector<double> values;
  for (const auto& [plan, correlation] : plan_correlations(validation)) values.push_back(correlation);
  if (values.empty()) return "";
  return fmt::format("rank correlation over the plans of one model and machine: median {:.3f} of {} groups\n",
                     quantile(values, 0.5), values.size());
}

}  // namespace

std::string validation_csv(const Validation& validation) {
  std::string out;
  for (const std::string& column : validation.table.header()) out += csv_cell(column) + ',';
  out +=
      "share,model_class,kind,software,figure,measured_s,simulated_s,ratio,low_s,high_s,fits_memory,skipped,assumed\n";
  std::map<int, const CsvRow*> rows;
  for (const CsvRow& row : validation.table.rows()) rows[row.position().line] = &row;
  for (const ValidatedRun& run : validation.runs) {
    for (const CsvCell& cell : rows.at(run.line)->cells()) out += csv_cell(cell.text) + ',';
    out += run_cells(run) + '\n';
  }
  return out;
}

std::string validation_json(const Validation& validation, const SourceFile& file, bool rows) {
  Json json = errors_json(scores(validation, RunShare::kMain));
  json["rank_correlation"] = correlation_json(validation);
  for (RunShare share : {RunShare::kGradeB, RunShare::kHeadline, RunShare::kRl})
    json["apart"][std::string(to_string(share))] = errors_json(scores(validation, share));
  json["provenance"] = input_json(file);
  if (rows) {
    json["runs"] = Json::array();
    for (const ValidatedRun& run : validation.runs) json["runs"].push_back(run_json(run));
  }
  return to_text(json);
}

std::string validation_text(const Validation& validation, bool assumptions, const Style& style) {
  const std::vector<ScoredRow> main = scores(validation, RunShare::kMain);
  const ErrorSummary all = summarise(main);
  std::string out = style.title("Published runs, simulated") + '\n' + runs_text(validation, assumptions) + '\n';
  out += style.title("Errors of step time") + '\n' + groups_text(main) + skipped_text(all) + '\n';
  out += summary_line(all) + '\n' + correlation_text(validation);
  for (RunShare share : {RunShare::kGradeB, RunShare::kHeadline, RunShare::kRl}) {
    const ErrorSummary apart = summarise(scores(validation, share));
    if (apart.predicted > 0) out += fmt::format("apart, {}: {}\n", to_string(share), summary_line(apart));
  }
  return out;
}

}  // namespace supernode
