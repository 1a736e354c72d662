#pragma once
// Measured loads and stores between processors: the rows of collective_trace.hpp's CSV whose `op` is p2p_bw (GB/s in
// busbw_GBps) or p2p_latency (time_us of an access of `bytes`), with "read" or "write", "NPU-NPU" or "NPU-CPU" in the
// note and one node or two.

#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "calibration/collective_trace.hpp"
#include "calibration/memory_access.hpp"

namespace supernode {

struct MemoryTraceRow {
  std::string system, source;
  AccessKind kind = AccessKind::kRead;
  AccessTarget target = AccessTarget::kDevice;
  bool other_node = false;
  Bytes bytes{};  // of a latency row
  std::optional<Seconds> time;
  std::optional<BytesPerSecond> bandwidth;
};

// Absent when the row is no load or store, or has neither time nor rate.
std::optional<MemoryTraceRow> as_memory_row(const CollectiveTraceRow& row);

// Ill-formed cells are reported and their row left out. Absent when the header is wrong.
std::optional<std::vector<MemoryTraceRow>> read_memory_trace(const SourceFile& file, Diagnostics& diagnostics);

}  // namespace supernode
