#include "calibration/collective_trace.hpp"

#include <string_view>

#include "calibration/csv_table.hpp"

namespace supernode {
namespace {

void read_numbers(const CsvRow& row, CollectiveTraceRow& result, Diagnostics& diagnostics) {
  result.ranks = row.integer("ranks", diagnostics).value_or(0);
  result.nodes = row.integer("nodes", diagnostics).value_or(0);
  if (const auto bytes = row.number("bytes", diagnostics)) result.bytes = Bytes(*bytes);
  result.tokens = row.integer("tokens", diagnostics);
  result.hidden = row.integer("hidden", diagnostics);
  result.topk = row.integer("topk", diagnostics);
  result.experts = row.integer("experts", diagnostics);
  if (const auto time = row.number("time_us", diagnostics)) result.time = Seconds(*time * 1e-6);
  if (const auto busbw = row.number("busbw_GBps", diagnostics)) result.busbw = BytesPerSecond(*busbw * 1e9);
}

// From one rank to all, or from all to one, round a ring: the bytes of the gather or scatter that loads a port as much.
void from_or_to_one(CollectiveOp op, CollectiveTraceRow& row) {
  row.op = op;
  row.stands_in = true;
  if (!row.bytes || row.ranks < 2) return;
  const auto n = static_cast<double>(row.ranks);
  row.bytes = *row.bytes * (n / (n - 1));
}

void name_operation(std::string_view name, CollectiveTraceRow& row) {
  if (const auto op = parse_collective_op(name)) {
    row.op = *op;
  } else if (name == "broadcast") {
    from_or_to_one(CollectiveOp::kAllGather, row);
  } else if (name == "reduce") {
    from_or_to_one(CollectiveOp::kReduceScatter, row);
  } else if (name == "ep_combine_low_precision") {
    row.op = CollectiveOp::kEpCombine;
    row.low_precision_combine = true;
    row.note += " low-precision combine";  // a kernel of its own: protocols ask for rows by their notes
  } else {
    row.other_op = name;
  }
}

CollectiveTraceRow read_row(const CsvRow& row, Diagnostics& diagnostics) {
  CollectiveTraceRow result;
  result.system = row.text("system");
  result.chip = row.text("chip");
  result.software = row.text("software");
  result.note = row.text("note");
  result.source = row.text("source");
  result.dtype = row.text("dtype");
  result.position = row.position();
  read_numbers(row, result, diagnostics);
  name_operation(row.text("op"), result);
  return result;
}

}  // namespace

std::optional<std::vector<CollectiveTraceRow>> read_collective_trace(const SourceFile& file, Diagnostics& diagnostics) {
  const std::vector<std::string> required = {"system", "op", "ranks", "bytes", "time_us", "busbw_GBps"};
  const std::optional<CsvTable> table = CsvTable::parse(file, required, diagnostics);
  if (!table) return std::nullopt;
  std::vector<CollectiveTraceRow> rows;
  for (const CsvRow& row : table->rows()) {
    const int errors = diagnostics.error_count();
    CollectiveTraceRow read = read_row(row, diagnostics);
    if (diagnostics.error_count() == errors) rows.push_back(std::move(read));
  }
  return rows;
}

}  // namespace supernode
