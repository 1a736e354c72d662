#include "scenarios/import_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>

#include "calibration/csv_table.hpp"
#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

struct IntegerColumn {
  std::string_view name;
  std::int64_t PublishedRun::*field;
};
struct TextColumn {
  std::string_view name;
  std::string PublishedRun::*field;
};
struct MeasuredColumn {
  std::string_view name;
  double MeasuredRun::*field;
};

constexpr std::array kTrainingIntegers = {
    IntegerColumn{"chips", &PublishedRun::ranks},
    IntegerColumn{"layers", &PublishedRun::layers},
    IntegerColumn{"hidden", &PublishedRun::hidden},
    IntegerColumn{"ffn", &PublishedRun::ffn},
    IntegerColumn{"heads", &PublishedRun::heads},
    IntegerColumn{"kv_heads", &PublishedRun::kv_heads},
    IntegerColumn{"head_dim", &PublishedRun::head_dim},
    IntegerColumn{"vocab", &PublishedRun::vocab},
    IntegerColumn{"experts", &PublishedRun::experts},
    IntegerColumn{"topk", &PublishedRun::topk},
    IntegerColumn{"shared_experts", &PublishedRun::shared_experts},
    IntegerColumn{"moe_ffn", &PublishedRun::moe_ffn},
    IntegerColumn{"seq", &PublishedRun::sequence},
    IntegerColumn{"global_batch_seqs", &PublishedRun::global_batch},
    IntegerColumn{"micro_batch", &PublishedRun::micro_batch},
    IntegerColumn{"tp", &PublishedRun::tensor},
    IntegerColumn{"pp", &PublishedRun::pipeline},
    IntegerColumn{"vpp", &PublishedRun::virtual_stages},
    IntegerColumn{"cp", &PublishedRun::context},
    IntegerColumn{"ep", &PublishedRun::expert},
    IntegerColumn{"etp", &PublishedRun::expert_tensor},
    IntegerColumn{"dp", &PublishedRun::data},
};
constexpr std::array kTrainingTexts = {
    TextColumn{"id", &PublishedRun::id},
    TextColumn{"source", &PublishedRun::source},
    TextColumn{"system", &PublishedRun::system},
    TextColumn{"chip", &PublishedRun::chip},
    TextColumn{"model", &PublishedRun::model},
    TextColumn{"attention", &PublishedRun::attention},
    TextColumn{"precision", &PublishedRun::precision},
    TextColumn{"zero_or_fsdp", &PublishedRun::sharding},
    TextColumn{"recompute", &PublishedRun::recompute},
    TextColumn{"overlap_notes", &PublishedRun::overlap},
    TextColumn{"notes", &PublishedRun::notes},
};
constexpr std::array kTrainingMeasured = {
    MeasuredColumn{"measured_step_s", &MeasuredRun::step_time_s},
    MeasuredColumn{"measured_tokens_s_chip", &MeasuredRun::tokens_per_s_rank},
    MeasuredColumn{"measured_tflops_chip", &MeasuredRun::tflops_rank},
    MeasuredColumn{"measured_mfu_pct", &MeasuredRun::mfu_percent},
};
constexpr std::array kNanotronIntegers = {
    IntegerColumn{"num_layers", &PublishedRun::layers}, IntegerColumn{"hidden_size", &PublishedRun::hidden},
    IntegerColumn{"num_heads", &PublishedRun::heads},   IntegerColumn{"num_kv_heads", &PublishedRun::kv_heads},
    IntegerColumn{"vocab_size", &PublishedRun::vocab},  IntegerColumn{"seq_len", &PublishedRun::sequence},
    IntegerColumn{"mbs", &PublishedRun::micro_batch},   IntegerColumn{"batch_accum", &PublishedRun::accumulation},
    IntegerColumn{"tp", &PublishedRun::tensor},         IntegerColumn{"pp", &PublishedRun::pipeline},
    IntegerColumn{"dp", &PublishedRun::data},
};
constexpr std::array kVtrainIntegers = {
    IntegerColumn{"# GPUs", &PublishedRun::ranks},
    IntegerColumn{"global batch", &PublishedRun::global_batch},
    IntegerColumn{"micro batch", &PublishedRun::micro_batch},
    IntegerColumn{"hidden size", &PublishedRun::hidden},
    IntegerColumn{"attention heads", &PublishedRun::heads},
    IntegerColumn{"# layers", &PublishedRun::layers},
    IntegerColumn{"sequence length", &PublishedRun::sequence},
    IntegerColumn{"tensor parallelism", &PublishedRun::tensor},
    IntegerColumn{"data parallelism", &PublishedRun::data},
    IntegerColumn{"pipeline parallelism", &PublishedRun::pipeline},
};

template <std::size_t N>
void read_integers(const std::array<IntegerColumn, N>& columns, const CsvRow& row, PublishedRun& run,
                   Diagnostics& diagnostics) {
  for (const IntegerColumn& column : columns) run.*column.field = row.integer(column.name, diagnostics).value_or(0);
}

// "spec:A- (CI, …" → "A-"; "PUBLISHED 44 tok/s per card …; spec:A; …" → "A".
std::string grade_of(std::string_view notes) {
  constexpr std::string_view kMark = "spec:", kBehind = "; spec:";
  if (!notes.starts_with(kMark)) {
    const std::size_t at = notes.find(kBehind);
    if (at == std::string_view::npos) return "";
    notes.remove_prefix(at + kBehind.size() - kMark.size());
  }
  notes.remove_prefix(kMark.size());
  return std::string(notes.substr(0, notes.find_first_of("; (")));
}

// Megatron reports memory on the ranks of data-parallel rank 0 (training/utils.py, report_memory): the first tp·cp of
// each pipeline stage. The second stage begins at rank W/pp, which tells how many ranks W there were. 0: not told.
std::int64_t reporting_ranks(const PublishedRun& run) {
  const std::int64_t stages = run.pipeline,
                     replica = std::max<std::int64_t>(1, run.tensor) * std::max<std::int64_t>(1, run.context);
  std::int64_t second = 0;
  constexpr std::string_view kRank = "rank";
  for (std::size_t at = run.notes.find(kRank); at != std::string::npos; at = run.notes.find(kRank, at + 1)) {
    const std::string_view rest = std::string_view(run.notes).substr(at + kRank.size());
    const std::size_t blank = std::min(rest.find(' '), rest.size());
    const auto rank = parse_integer(rest.substr(0, blank));
    if (!rank || !rest.substr(blank).starts_with(" max alloc ")) continue;
    if (*rank >= replica && (second == 0 || *rank < second)) second = *rank;
  }
  return stages > 1 && second % replica == 0 ? second * stages : 0;
}

// The table's number of chips of a CI row is its host's; a run may have taken fewer.
void correct_ranks(PublishedRun& run) {
  const std::int64_t ranks = reporting_ranks(run);
  if (ranks == 0 || ranks >= run.ranks || run.ranks % ranks != 0) return;
  run.host_ranks = run.ranks;
  run.measured.tokens_per_s_rank *= static_cast<double>(run.ranks) / static_cast<double>(ranks);
  run.ranks = ranks;
}

// "rank0 max alloc 16.0 GiB; rank0 max alloc 18.9 GiB; rank1 …": a rank that stands twice ran again from a checkpoint,
// with the moments that were saved.
double largest_of_first_run(std::string_view notes) {
  constexpr std::string_view kPhrase = " max alloc ";
  std::set<std::string, std::less<>> seen;
  double largest = 0;
  for (std::size_t at = notes.find(kPhrase); at != std::string_view::npos; at = notes.find(kPhrase, at + 1)) {
    const std::size_t start = notes.rfind(' ', at - 1) + 1;
    if (!seen.emplace(notes.substr(start, at - start)).second) continue;
    largest = std::max(largest, number_after(notes.substr(at), kPhrase).value_or(0));
  }
  return largest;
}

// Memory stands in the notes: "rank0 max alloc 13.7 GiB" a rank, "real peak alloc 118.13 GiB", or nanotron's "mem
// alloc/reserved 15.45/51.66 GB" (its log counts in 2^20 bytes, its tables in 2^30).
void read_noted_memory(PublishedRun& run) {
  MeasuredRun& measured = run.measured;
  const auto alloc = largest_after(run.notes, "max alloc "), peak = number_after(run.notes, "real peak alloc ");
  const auto both = number_after(run.notes, "mem alloc/reserved ");
  // Megatron reports memory once, at the first log (training.py, report_memory_flag), which in MindSpeed-LLM's
  // continuous-integration scripts is behind the first step (--log-interval 1).
  measured.first_step = alloc && contains(run.notes, "(CI, ");
  const double largest = measured.first_step ? largest_of_first_run(run.notes) : alloc.value_or(0);
  measured.allocated_bytes = kGiB * (alloc ? largest : peak.value_or(both.value_or(0)));
  if (!both) return;
  const std::string_view rest = std::string_view(run.notes).substr(run.notes.find("mem alloc/reserved "));
  measured.reserved_bytes = kGiB * number_before(rest, " GB").value_or(0);
}

PublishedRun read_training_run(const CsvRow& row, Diagnostics& diagnostics) {
  PublishedRun run;
  run.format = RunFormat::kTrainingRuns;
  for (const TextColumn& column : kTrainingTexts) run.*column.field = row.text(column.name);
  read_integers(kTrainingIntegers, row, run, diagnostics);
  for (const MeasuredColumn& column : kTrainingMeasured) {
    run.measured.*column.field = row.number(column.name, diagnostics).value_or(0);
  }
  run.parameters = 1e9 * row.number("params_b", diagnostics).value_or(0);
  run.grade = grade_of(run.notes);
  if (run.sequence == 0 && run.grade.starts_with('A')) run.grade = "B";  // a material field is missing after all
  const std::size_t bandwidths = run.overlap.find("in-run bus BW");  // "… GB/s AR 165.83 AG 100.69 RS 97.48"
  if (bandwidths != std::string::npos)
    run.gather_gbps = number_after(std::string_view(run.overlap).substr(bandwidths), " AG ").value_or(0);
  read_noted_memory(run);
  correct_ranks(run);
  return run;
}

void read_nanotron_measurement(const CsvRow& row, PublishedRun& run, Diagnostics& diagnostics) {
  MeasuredRun& measured = run.measured;
  measured.tokens_per_s_rank = row.number("tok/s/gpu", diagnostics).value_or(0);
  measured.tflops_rank = row.number("mTFLOPs", diagnostics).value_or(0);
  measured.allocated_bytes = kGiB * row.number("Mem Alloc (GB)", diagnostics).value_or(0);
  measured.reserved_bytes = kGiB * row.number("Mem Res (GB)", diagnostics).value_or(0);
  // `oom_error` says that the log mentions one; a run that reached its end with a rate did run.
  measured.ran = lower_case(row.text("status")) == "success";
}

PublishedRun read_nanotron_run(const CsvRow& row, Diagnostics& diagnostics) {
  PublishedRun run;
  run.format = RunFormat::kNanotron;
  run.id = row.text("job_id");
  run.source = "huggingface/nanotron benchmark sweep on H100 (Ultra-Scale Playbook)";
  run.system = "HF H100 cluster (8xH100/node)";
  run.chip = "H100";
  run.notes = row.text("name");
  run.model = fmt::format("Llama-arch {} (nanotron bench)", run.notes.substr(0, run.notes.find('_')));
  read_integers(kNanotronIntegers, row, run, diagnostics);
  run.ranks = run.tensor * run.pipeline * run.data;
  run.context = 1;
  // The table of failures leaves the column out; the name tells grouped queries.
  if (run.kv_heads == 0) {
    run.kv_heads = static_cast<std::int64_t>(number_after(run.notes, "gqa").value_or(static_cast<double>(run.heads)));
  }
  run.global_batch = run.micro_batch * run.accumulation * run.data;  // `gbs` counts tokens in one table
  run.parameters = 1e9 * row.number("num_params", diagnostics).value_or(0);
  run.tied_embeddings = row.boolean("tie_word_embeddings", diagnostics);
  run.fills_stages = row.boolean("after_pp_fix", diagnostics).value_or(true);
  run.gather_gbps = row.number("AllGather (GB/s)", diagnostics).value_or(0);
  run.precision = "BF16";
  run.sharding = fmt::format("ZeRO-{}", row.text("zero_stage"));
  run.recompute = "none";
  run.overlap = fmt::format("1F1B; TP mode {} async_comm=True", row.text("tp_mode"));
  read_nanotron_measurement(row, run, diagnostics);
  return run;
}

PublishedRun read_vtrain_run(const CsvRow& row, Diagnostics& diagnostics) {
  PublishedRun run;
  run.format = RunFormat::kVtrain;
  run.source = "VIA-Research/vTrain measured iteration times (MICRO 2024, arXiv 2312.12391)";
  run.system = "A100-80GB cluster, 800Gb/s per node inter-node";
  run.chip = "A100-80GB";
  read_integers(kVtrainIntegers, row, run, diagnostics);
  run.model = fmt::format("GPT {}L h{}", run.layers, run.hidden);
  run.ffn = 4 * run.hidden;
  run.kv_heads = run.heads;
  run.context = 1;
  run.parameters = 1e9 * row.number("Parameters (billion)", diagnostics).value_or(0);
  run.precision = "FP16 mixed";
  run.sharding = "none (DDP)";
  // Measured with activation checkpointing, on one node as on many (config/validation/*: use_checkpoint true).
  run.recompute = "full";
  run.overlap = "1F1B; no gradient bucketing";
  run.measured.step_time_s = 1e-3 * row.number("iteration time (ms)", diagnostics).value_or(0);
  return run;
}

struct FormatReader {
  std::vector<std::string> columns;  // that tell the format
  PublishedRun (*read)(const CsvRow&, Diagnostics&);
};

const std::vector<FormatReader>& formats() {
  static const std::vector<FormatReader> kFormats = {
      {{"id", "chip", "chips", "overlap_notes", "notes"}, read_training_run},
      {{"job_id", "name", "batch_accum", "zero_stage", "status"}, read_nanotron_run},
      {{"# GPUs", "tensor parallelism", "iteration time (ms)"}, read_vtrain_run},
  };
  return kFormats;
}

const FormatReader* format_of(const SourceFile& file) {
  const std::vector<std::string> header = csv_header(file);
  const auto has = [&](const std::string& column) {
    return std::find(header.begin(), header.end(), column) != header.end();
  };
  for (const FormatReader& format : formats()) {
    if (std::all_of(format.columns.begin(), format.columns.end(), has)) return &format;
  }
  return nullptr;
}

}  // namespace

std::optional<std::vector<PublishedRun>> read_published_runs(const SourceFile& file, Diagnostics& diagnostics) {
  const FormatReader* format = format_of(file);
  if (!format) {
    diagnostics.error({std::make_shared<const SourceFile>(file), 1, 1},
                      "not a table of published runs: the header is neither that of training runs (id, chip, chips, "
                      "overlap_notes, notes), nor nanotron's (job_id, name, batch_accum, zero_stage, status), nor "
                      "vTrain's (# GPUs, tensor parallelism, iteration time (ms))");
    return std::nullopt;
  }
  const auto table = CsvTable::parse(file, format->columns, diagnostics);
  if (!table) return std::nullopt;
  std::vector<PublishedRun> runs;
  for (const CsvRow& row : table->rows()) {
    runs.push_back(format->read(row, diagnostics));
    runs.back().position = row.position();
    if (runs.back().id.empty()) runs.back().id = std::to_string(runs.size());
  }
  return runs;
}

std::optional<std::vector<PublishedRun>> load_published_runs(const std::string& path, Diagnostics& diagnostics) {
  std::ifstream stream(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(stream)), {});
  const SourceFile file{path, std::move(text)};
  if (!stream && file.text.empty()) {
    diagnostics.error({std::make_shared<const SourceFile>(file), 0, 0}, "cannot be read");
    return std::nullopt;
  }
  return read_published_runs(file, diagnostics);
}

const PublishedRun* find_published_run(const std::vector<PublishedRun>& runs, std::string_view id,
                                       const std::string& file, Diagnostics& diagnostics) {
  const std::string sought = lower_case(id);
  for (const PublishedRun& run : runs) {
    if (lower_case(run.id) == sought) return &run;
  }
  const auto row = parse_integer(id);
  if (row && *row >= 1 && *row <= static_cast<std::int64_t>(runs.size())) {
    return &runs[static_cast<std::size_t>(*row - 1)];
  }
  std::vector<std::string> ids;
  for (const PublishedRun& run : runs) ids.push_back(run.id);
  diagnostics.error({std::make_shared<const SourceFile>(SourceFile{file, ""}), 0, 0},
                    fmt::format("no row has the id '{}'{}; a row number from 1 to {} does as well", id,
                                suggestion(id, ids), runs.size()));
  return nullptr;
}

}  // namespace supernode
