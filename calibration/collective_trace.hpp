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
  std::string other_op;               // the operation's name where no collective stands for it (loads, stores); or ""
  std::int64_t ranks = 0, nodes = 0;  // 0: unknown
  std::optional<Bytes> bytes;
  std::optional<std::int64_t> tokens, hidden, topk, experts;
  std::string dtype;
  bool stands_in = false;              // `op` is another operation's name: no row to fit that one to
  bool low_precision_combine = false;  // in the row's dtype, where others combine in bf16
  std::optional<Seconds> time;
  std::optional<BytesPerSecond> busbw;
  SourcePosition position;
};

// Ill-formed cells are reported and their row left out. Absent when the header is wrong. Three operations go by another
// one's name:
//   * broadcast and reduce of S bytes: as the all-gather and reduce-scatter of S·n/(n-1), which put as much through
//   each
//     port, round a ring too (NCCL's only algorithm for them, src/graph/tuning.cc);
//   * ep_combine_low_precision: ep_combine in the row's dtype.
std::optional<std::vector<CollectiveTraceRow>> read_collective_trace(const SourceFile& file, Diagnostics& diagnostics);

}  // namespace supernode
