#pragma once
// Tables of published training runs, one run a row. Recognised by their header:
//   training runs   id, year, source, system, chip, chips, model, …, measured_step_s, …, notes
//   nanotron sweep  job_id, name, nodes, seq_len, mbs, batch_accum, …, status, oom_error, …
//                   (huggingface/nanotron's benchmark summaries: runs that finished and runs that ran out of memory)
//   vTrain          # GPUs, global batch, micro batch, …, iteration time (ms)   (VIA-Research/vTrain, MICRO 2024)

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.hpp"

namespace supernode {

enum class RunFormat { kTrainingRuns, kNanotron, kVtrain };

// What was measured; 0 = not published.
struct MeasuredRun {
  double step_time_s = 0;
  double tokens_per_s_rank = 0;
  double tflops_rank = 0;      // model TFLOP/s as published: conventions differ by source
  double mfu_percent = 0;      // as published
  double allocated_bytes = 0;  // most memory allocated on any rank
  double reserved_bytes = 0;   // most memory the allocator held
  bool first_step = false;     // allocated_bytes is that of the first step, passes run before the moments exist
  bool ran = true;             // false: it ran out of memory

  // The most a rank needed. nanotron logs as allocated what is held behind the update, so where a source gives what
  // the allocator reserved, that is the peak.
  double peak_bytes() const { return reserved_bytes > 0 ? reserved_bytes : allocated_bytes; }
};

// One row. Numbers are 0 and texts empty where the row does not say.
struct PublishedRun {
  RunFormat format = RunFormat::kTrainingRuns;
  std::string id;
  SourcePosition position;
  std::string grade;  // how well it is specified: "A", "A-", "B", "C"; "" when the table does not grade
  std::string source, system, chip, model, attention, precision, sharding, recompute, overlap, notes;
  std::int64_t ranks = 0;       // devices: dies on an Ascend 910C, GPUs or NPUs elsewhere
  std::int64_t host_ranks = 0;  // what the table says instead, where the run took only some of its host's devices
  std::int64_t layers = 0, hidden = 0, ffn = 0, heads = 0, kv_heads = 0, head_dim = 0, vocab = 0;
  std::int64_t experts = 0, topk = 0, shared_experts = 0, moe_ffn = 0;
  double parameters = 0;  // in units
  std::optional<bool> tied_embeddings;
  bool fills_stages = true;  // nanotron since its pipeline fix: see nanotron_stage_layers
  double gather_gbps = 0;    // bus bandwidth of an all-gather over all ranks, GB/s, measured during the run
  std::int64_t sequence = 0, global_batch = 0, micro_batch = 0, accumulation = 0;
  std::int64_t tensor = 0, pipeline = 0, virtual_stages = 0, context = 0, expert = 0, expert_tensor = 0, data = 0;
  MeasuredRun measured;
};

// Nothing when the header is none of the above (reported). Cells that should be numbers and are not are reported at
// their place and count as unknown.
std::optional<std::vector<PublishedRun>> read_published_runs(const SourceFile& file, Diagnostics& diagnostics);
std::optional<std::vector<PublishedRun>> load_published_runs(const std::string& path, Diagnostics& diagnostics);

// By id, upper or lower case, or by row number (1 = the first below the header). nullptr when there is none, which is
// reported with the nearest ids.
const PublishedRun* find_published_run(const std::vector<PublishedRun>& runs, std::string_view id,
                                       const std::string& file, Diagnostics& diagnostics);

}  // namespace supernode
