#include "calibration/collective_trace.hpp"

#include "calibration/csv_table.hpp"

namespace supernode {
namespace {

CollectiveTraceRow read_row(const CsvRow& row, CollectiveOp op, Diagnostics& diagnostics) {
  CollectiveTraceRow result;
  result.system = row.text("system");
  result.chip = row.text("chip");
  result.software = row.text("software");
  result.note = row.text("note");
  result.source = row.text("source");
  result.op = op;
  result.ranks = row.integer("ranks", diagnostics).value_or(0);
  result.nodes = row.integer("nodes", diagnostics).value_or(0);
  if (const auto bytes = row.number("bytes", diagnostics)) result.bytes = Bytes(*bytes);
  result.tokens = row.integer("tokens", diagnostics);
  result.hidden = row.integer("hidden", diagnostics);
  result.topk = row.integer("topk", diagnostics);
  result.experts = row.integer("experts", diagnostics);
  result.dtype = row.text("dtype");
  if (const auto time = row.number("time_us", diagnostics)) result.time = Seconds(*time * 1e-6);
  if (const auto busbw = row.number("busbw_GBps", diagnostics)) result.busbw = BytesPerSecond(*busbw * 1e9);
  result.position = row.position();
  return result;
}

}  // namespace

std::optional<std::vector<CollectiveTraceRow>> read_collective_trace(const SourceFile& file, Diagnostics& diagnostics) {
  const std::vector<std::string> required = {"system", "op", "ranks", "bytes", "time_us", "busbw_GBps"};
  const std::optional<CsvTable> table = CsvTable::parse(file, required, diagnostics);
  if (!table) return std::nullopt;
  std::vector<CollectiveTraceRow> rows;
  for (const CsvRow& row : table->rows()) {
    const std::optional<CollectiveOp> op = parse_collective_op(row.text("op"));
    if (!op) continue;
    const int errors = diagnostics.error_count();
    CollectiveTraceRow read = read_row(row, *op, diagnostics);
    if (diagnostics.error_count() == errors) rows.push_back(std::move(read));
  }
  return rows;
}

}  // namespace supernode
