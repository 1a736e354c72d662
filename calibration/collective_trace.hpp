#pragma once
// Measured collectives, one a row of a CSV file with the columns
//   system, chip, software, op, ranks, nodes, bytes, tokens, hidden, topk, experts, dtype, time_us, busbw_GBps, note,
//   source
// `bytes` is the full buffer of nccl-tests (base/collective.hpp), `tokens` those of one rank; an empty cell is unknown.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/collective.hpp"
#include "base/diagnostics.hpp"
#include "base/quantity.hpp"

namespace supernode {

struct CollectiveTraceRow {
  std::string system, chip, software, note, source;
  CollectiveOp op = CollectiveOp::kAllReduce;
  std::int64_t ranks = 0, nodes = 0;  // 0: unknown
  std::optional<Bytes> bytes;
  std::optional<std::int64_t> tokens, hidden, topk, experts;
  std::string dtype;
  std::optional<Seconds> time;
  std::optional<BytesPerSecond> busbw;
  SourcePosition position;
};

// Rows of operations that no collective stands for (p2p probes, broadcast) are left out; ill-formed cells are reported
// and their row left out. Absent when the header is wrong.
std::optional<std::vector<CollectiveTraceRow>> read_collective_trace(const SourceFile& file, Diagnostics& diagnostics);

}  // namespace supernode
