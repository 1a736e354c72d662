#include "calibration/memory_trace.hpp"

#include <string_view>

#include "calibration/csv_table.hpp"

namespace supernode {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

MemoryTraceRow read_row(const CsvRow& row, Diagnostics& diagnostics) {
  const std::string note(row.text("note"));
  MemoryTraceRow read;
  read.system = row.text("system");
  read.source = row.text("source");
  read.kind = contains(note, "write") ? AccessKind::kWrite : AccessKind::kRead;
  read.target = contains(note, "NPU-CPU") ? AccessTarget::kCpu : AccessTarget::kDevice;
  read.other_node = row.integer("nodes", diagnostics).value_or(1) > 1;
  if (const auto bytes = row.number("bytes", diagnostics)) read.bytes = Bytes(*bytes);
  if (const auto time = row.number("time_us", diagnostics)) read.time = Seconds(*time * 1e-6);
  if (const auto rate = row.number("busbw_GBps", diagnostics)) read.bandwidth = BytesPerSecond(*rate * 1e9);
  return read;
}

}  // namespace

std::optional<std::vector<MemoryTraceRow>> read_memory_trace(const SourceFile& file, Diagnostics& diagnostics) {
  const std::vector<std::string> required = {"system", "op", "nodes", "time_us", "busbw_GBps", "note"};
  const std::optional<CsvTable> table = CsvTable::parse(file, required, diagnostics);
  if (!table) return std::nullopt;
  std::vector<MemoryTraceRow> rows;
  for (const CsvRow& row : table->rows()) {
    const std::string op(row.text("op"));
    if (op != "p2p_bw" && op != "p2p_latency") continue;
    const int errors = diagnostics.error_count();
    MemoryTraceRow read = read_row(row, diagnostics);
    if (diagnostics.error_count() == errors && (read.time || read.bandwidth)) rows.push_back(std::move(read));
  }
  return rows;
}

}  // namespace supernode
