#include "calibration/memory_trace.hpp"

#include <string_view>

namespace supernode {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

std::optional<MemoryTraceRow> as_memory_row(const CollectiveTraceRow& row) {
  if (row.other_op != "p2p_bw" && row.other_op != "p2p_latency") return std::nullopt;
  if (!row.time && !row.busbw) return std::nullopt;
  MemoryTraceRow read;
  read.system = row.system;
  read.source = row.source;
  read.kind = contains(row.note, "write") ? AccessKind::kWrite : AccessKind::kRead;
  read.target = contains(row.note, "NPU-CPU") ? AccessTarget::kCpu : AccessTarget::kDevice;
  read.other_node = row.nodes > 1;
  read.bytes = row.bytes.value_or(Bytes{});
  read.time = row.time;
  read.bandwidth = row.busbw;
  return read;
}

std::optional<std::vector<MemoryTraceRow>> read_memory_trace(const SourceFile& file, Diagnostics& diagnostics) {
  const auto all = read_collective_trace(file, diagnostics);
  if (!all) return std::nullopt;
  std::vector<MemoryTraceRow> rows;
  for (const CollectiveTraceRow& row : *all)
    if (auto memory = as_memory_row(row)) rows.push_back(std::move(*memory));
  return rows;
}

}  // namespace supernode
