// Tables of measured collectives beside the fits of their systems' libraries.

#include <fmt/format.h>

#include "scenarios/catalogue.hpp"
#include "scenarios/catalogue_collectives.hpp"
#include "scenarios/trace_study_parts.hpp"

namespace supernode {

namespace {

const std::vector<std::string> kColumns = {"system", "op", "ranks", "bytes", "time_us", "busbw_GBps"};
const std::vector<std::string> kMeasured = {"time_us", "busbw_GBps"};
constexpr std::string_view kSizes[] = {"ranks", "nodes", "bytes", "tokens", "hidden", "topk", "experts"};
constexpr std::string_view kUnnamed = "unknown";  // a system that its source does not name

void check_system(const CsvRow& row, Diagnostics& diagnostics) {
  const std::string name(row.text("system"));
  if (name == kUnnamed || find_in_catalogue(CatalogueKind::kSystem, name)) return;
  diagnostics.error(row.position("system"), fmt::format("unknown system '{}'{}", name,
                                                        suggestion(name, catalogue_names(CatalogueKind::kSystem))));
}

// An operation that no collective stands for is left out, unless it looks like a slip.
void check_operation(const CsvRow& row, Diagnostics& diagnostics) {
  static const std::vector<std::string> kOperations = {
      "all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send_recv", "ep_dispatch", "ep_combine",
      "broadcast",  "reduce",     "gather",         "scatter",    "p2p_bw",    "p2p_latency"};
  const std::string_view op = row.text("op");
  const auto near = nearest_candidate(op, kOperations);
  if (parse_collective_op(op) || !near || *near == op || op.starts_with(*near)) return;
  diagnostics.error(row.position("op"), fmt::format("unknown operation '{}'; did you mean '{}'?", op, *near));
}

void check_row(const CsvRow& row, Diagnostics& diagnostics) {
  check_system(row, diagnostics);
  check_chip(row, diagnostics);
  check_operation(row, diagnostics);
  for (std::string_view size : kSizes) check_positive(row, size, diagnostics);
  check_measured(row, "time_us", "busbw_GBps", diagnostics);
}

void set_groups(StudiedRow& row, const CollectiveTraceRow& read, const CollectivePrediction& prediction) {
  const CsvRow& cells = *row.cells;
  row.score.groups = {{"chip", std::string(cells.text("chip"))},
                      {"op_class", std::string(to_string(collective_class(read)))},
                      {"op", prediction.key.empty() ? std::string(cells.text("op")) : prediction.key},
                      {"system", std::string(cells.text("system"))},
                      {"software", std::string(cells.text("software"))},
                      {"source", publication(cells.text("source"))}};
}

}  // namespace

void check_collective_table(const SourceFile& file, Diagnostics& diagnostics) {
  check_units(file, kMeasured, diagnostics);
  const auto table = CsvTable::parse(file, kColumns, diagnostics);
  if (!table) return;
  for (const CsvRow& row : table->rows()) check_row(row, diagnostics);
}

std::optional<TraceStudy> study_collectives(const SourceFile& file, bool skip_bad, Diagnostics& diagnostics) {
  check_collective_table(file, diagnostics);
  auto study = begin_study(file, kColumns, diagnostics);
  if (!study) return std::nullopt;
  Diagnostics reading;
  const auto rows = read_collective_trace(file, reading);
  add_errors_of_other_lines(reading, diagnostics);
  if (!rows || !settle_bad_rows(*study, skip_bad, diagnostics)) return std::nullopt;
  const auto by_line = rows_by_line(*study);
  for (const CollectivePrediction& each : predict_by_catalogue(*rows)) {
    const CollectiveTraceRow& read = (*rows)[each.row];
    StudiedRow& row = *by_line.at(read.position.line);
    set_groups(row, read, each);
    if (!row.score.skipped.empty()) continue;
    row.score.skipped = read.system == kUnnamed ? "the source does not name the system" : each.skipped;
    if (row.score.skipped.empty()) set_prediction(row, each.predicted, each.deviation, each.measured);
  }
  return study;
}

}  // namespace supernode
