#include "tools/trace_report.hpp"

#include <fmt/format.h>

#include "scenarios/csv_text.hpp"
#include "scenarios/error_summary_json.hpp"
#include "scenarios/result_json.hpp"
#include "tools/format.hpp"
#include "tools/input_json.hpp"
#include "tools/table.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

// Whose rows make one line of the text: the first two dimensions.
std::string line_key(const ScoredRow& row) {
  return row.groups.size() < 2 ? "" : row.groups[0].second + '\n' + row.groups[1].second;
}

std::vector<std::string> table_row(const std::string& chip, const std::string& op, const ErrorSummary& s) {
  const auto figure = [&](double value) { return s.predicted > 0 ? percent_text(value) : std::string("-"); };
  return {chip,
          op,
          std::to_string(s.rows),
          std::to_string(s.predicted),
          figure(s.median_abs_error),
          figure(s.p90_abs_error),
          s.predicted > 0 ? fmt::format("{:.3f}", s.bias) : "-",
          figure(s.interval_coverage)};
}

Json prediction_json(const TraceStudy& study, const StudiedRow& row) {
  Json json = Json::object();
  const auto& header = study.table.header();
  for (std::size_t i = 0; row.cells && i < header.size(); ++i) json[header[i]] = row.cells->cells()[i].text;
  const bool predicted = row.score.skipped.empty();
  json["predicted_us"] = predicted ? Json(row.score.predicted) : Json(nullptr);
  json["std_us"] = predicted ? Json(row.deviation.value() * 1e6) : Json(nullptr);
  json["ratio"] = predicted ? Json(row.score.ratio()) : Json(nullptr);
  json["skipped"] = row.score.skipped;
  return json;
}

}  // namespace

std::string summary_line(const ErrorSummary& summary) {
  if (summary.predicted == 0) return fmt::format("none of {} rows was predicted", summary.rows);
  return fmt::format(
      "median error {}, 90th percentile {} over {} of {} rows; predicted/measured {:.3f}; {} inside the "
      "90 % interval",
      percent_text(summary.median_abs_error), percent_text(summary.p90_abs_error), summary.predicted, summary.rows,
      summary.bias, percent_text(summary.interval_coverage));
}

std::string skipped_text(const ErrorSummary& summary) {
  if (summary.skipped.empty()) return "";
  Table table;
  table.align(1, Align::kLeft);
  for (const auto& [reason, rows] : summary.skipped) table.add({std::to_string(rows), reason});
  return "Skipped\n" + table.render();
}

std::string study_csv(const TraceStudy& study) {
  std::string out;
  for (const std::string& column : study.table.header()) out += csv_cell(column) + ',';
  out += "predicted_us,std_us,ratio,skipped\n";
  for (const StudiedRow& row : study.rows) {
    if (!row.cells) continue;
    for (const CsvCell& cell : row.cells->cells()) out += csv_cell(cell.text) + ',';
    out += row.score.skipped.empty() ? fmt::format("{:.6g},{:.6g},{:.6g},\n", row.score.predicted,
                                                   row.deviation.value() * 1e6, row.score.ratio())
                                     : fmt::format(",,,{}\n", csv_cell(row.score.skipped));
  }
  return out;
}

std::string study_json(const TraceStudy& study, const SourceFile& file, bool rows) {
  Json json = errors_json(study.scores());
  json["provenance"] = input_json(file);
  if (rows) {
    json["predictions"] = Json::array();
    for (const StudiedRow& row : study.rows) json["predictions"].push_back(prediction_json(study, row));
  }
  return to_text(json);
}

std::string study_text(const TraceStudy& study, const Style& style) {
  const std::vector<ScoredRow> scores = study.scores();
  std::map<std::string, std::vector<const ScoredRow*>> lines;
  for (const ScoredRow& row : scores)
    if (!row.groups.empty()) lines[line_key(row)].push_back(&row);
  Table table({"chip", "class", "rows", "predicted", "median error", "p90", "bias", "in 90 %"});
  table.align(1, Align::kLeft);
  for (const auto& [key, rows] : lines) {
    const auto split = key.find('\n');
    table.add(table_row(key.substr(0, split), key.substr(split + 1), summarise(rows)));
  }
  const ErrorSummary all = summarise(scores);
  const std::string skipped = skipped_text(all);
  return style.title("Predicted beside measured") + '\n' + table.render() + (skipped.empty() ? "" : "\n" + skipped) +
         '\n' + summary_line(all) + '\n';
}

}  // namespace supernode
