// Memory against published measurements. The reference tables lie outside the repository; without them these skip.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <regex>

#include "workloads/memory.hpp"

namespace supernode {
namespace {

using namespace literals;

using Row = std::map<std::string, std::string>;

// Comma-separated, quoted cells may hold commas and doubled quotes.
std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
      cells.back() += line[i++];
    else if (line[i] == '"')
      quoted = !quoted;
    else if (line[i] == ',' && !quoted)
      cells.emplace_back();
    else if (line[i] != '\r')
      cells.back() += line[i];
  }
  return cells;
}

std::vector<Row> read_reference(const std::string& name) {
  std::ifstream file(std::string(SUPERNODE_SOURCE_DIR) + "/../shared/reference/" + name);
  std::vector<Row> rows;
  std::string line;
  if (!std::getline(file, line)) return rows;
  const std::vector<std::string> header = split(line);
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = split(line);
    rows.emplace_back();
    for (std::size_t i = 0; i < std::min(header.size(), cells.size()); ++i) rows.back()[header[i]] = cells[i];
  }
  return rows;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::int64_t whole(const Row& row, const std::string& key, std::int64_t absent = 0) {
  const std::string& text = row.at(key);
  return text.empty() ? absent : std::llround(std::stod(text));
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double median_error(std::vector<double> ratios) {
  for (double& ratio : ratios) ratio = std::fabs(ratio - 1);
  return median(std::move(ratios));
}

// MindSpeed-LLM's continuous-integration rows (Ascend 910B, Megatron's memory layout) give each rank's peak allocation.
// Of them those whose features a plan can state: no context parallelism, token dropping, two-dimensional tensor
// parallelism, swapping, shared fp32 parameters, idle layers; experts only where expert tensor parallelism is surely 1.
bool is_comparable(const Row& row) {
  if (!contains(row.at("id"), "asc-msllm-ci") || !contains(row.at("notes"), " max alloc ")) return false;
  const std::string text = row.at("overlap_notes") + " " + row.at("notes") + " " + row.at("recompute");
  for (const char* feature : {"reuse-fp32-param", "tp-2d=", "noop-layers", "num-layer-list", "capacity-factor", "swap",
                              "mamba", "activation-function", "block"}) {
    if (contains(text, feature)) return false;
  }
  if (contains(row.at("id"), "mamba") || row.at("attention") == "MLA" || row.at("precision").empty()) return false;
  if (whole(row, "cp", 1) > 1 || !contains(row.at("overlap_notes"), "use-flash-attn")) return false;
  if (row.at("vocab").empty() && !contains(row.at("id"), "llama2")) return false;
  return row.at("experts").empty() || whole(row, "tp") == 1;
}

ModelSpec mindspeed_model(const Row& row) {
  ModelSpec model;
  model.layers = whole(row, "layers");
  model.hidden = whole(row, "hidden");
  model.ffn = whole(row, "ffn");
  model.vocab = whole(row, "vocab", 32000);  // Llama 2
  model.tied_embeddings = contains(row.at("id"), "gemma") || contains(row.at("id"), "minicpm");
  model.attention.kind = AttentionKind::kGqa;
  model.attention.heads = whole(row, "heads");
  model.attention.kv_heads = whole(row, "kv_heads");
  model.attention.head_dim = whole(row, "head_dim");
  if (!row.at("experts").empty()) {
    model.moe.experts = whole(row, "experts");
    model.moe.topk = whole(row, "topk");
    model.moe.ffn = whole(row, "moe_ffn", model.ffn);
  }
  return model;
}

PlanSpec mindspeed_plan(const Row& row) {
  PlanSpec plan;
  plan.stack = TrainingStack::kMindSpeed;
  plan.tensor_parallel = whole(row, "tp");
  plan.pipeline_parallel = whole(row, "pp");
  plan.expert_parallel = whole(row, "ep", 1);
  plan.data_parallel = whole(row, "dp");
  plan.zero_stage = contains(row.at("zero_or_fsdp"), "ZeRO-1") ? 1 : 0;
  plan.micro_batch = whole(row, "micro_batch");
  plan.global_batch = whole(row, "global_batch_seqs");
  plan.sequence_length = whole(row, "seq");
  plan.sequence_parallel = contains(row.at("overlap_notes"), "sequence-parallel");
  if (contains(row.at("recompute"), "full/uniform")) plan.recompute = Recompute::kFull;
  // Megatron accumulates gradients in the parameters' format, except that bf16 ones go to fp32.
  if (row.at("precision") == "FP16") plan.compute = plan.gradient = Precision::kFp16;
  return plan;
}

// Allocation stated for each pipeline stage by its first rank, GiB.
std::map<std::int64_t, double> measured_stages(const Row& row, const PlanSpec& plan) {
  static const std::regex pattern(R"(rank(\d+) max alloc ([\d.]+) GiB)");
  std::map<std::int64_t, double> stages;
  const std::string& notes = row.at("notes");
  for (std::sregex_iterator it(notes.begin(), notes.end(), pattern), end; it != end; ++it) {
    const std::int64_t stage = std::stoll((*it)[1]) / (plan.tensor_parallel * plan.data_parallel);
    stages.emplace(stage, std::stod((*it)[2]));  // a second mention is of a run resumed with its moments
  }
  return stages;
}

TEST(MemoryPublished, MindSpeedPeakAllocation) {
  const std::vector<Row> rows = read_reference("training_runs.csv");
  if (rows.empty()) GTEST_SKIP() << "reference tables are not here";
  std::vector<double> ratios;
  for (const Row& row : rows) {
    if (!is_comparable(row)) continue;
    const PlanSpec plan = mindspeed_plan(row);
    const auto stages = estimate_stages(mindspeed_model(row), plan);
    for (const auto& [stage, gib] : measured_stages(row, plan)) {
      const StageMemory& memory = stages.at(static_cast<std::size_t>(stage));
      ratios.push_back(memory.first_step_allocated() / 1_GiB / gib);
      fmt::print("{} stage {}: measured {:.1f} GiB, estimated x{:.3f}\n", row.at("id"), stage, gib, ratios.back());
    }
  }
  ASSERT_GE(ratios.size(), 15u);
  RecordProperty("median_error", fmt::format("{:.3f}", median_error(ratios)));
  fmt::print("{} stages, median error {:.1f} %, median ratio {:.3f}\n", ratios.size(), 100 * median_error(ratios),
             median(ratios));
  EXPECT_LE(median_error(ratios), 0.02);
}

// nanotron's H100 sweep: Llama's shapes, which reproduce the published totals.
ModelSpec nanotron_model(const Row& row) {
  static const std::map<std::int64_t, std::int64_t> ffn = {
      {2048, 8192}, {3072, 8192}, {4096, 14336}, {8192, 28672}, {16384, 53248}};
  ModelSpec model;
  model.layers = whole(row, "num_layers");
  model.hidden = whole(row, "hidden_size");
  model.vocab = whole(row, "vocab_size");
  model.ffn = ffn.at(model.hidden);
  model.tied_embeddings = model.hidden <= 3072;  // as in every row that states it
  const std::int64_t heads = whole(row, "num_heads");
  const std::int64_t kv_heads = contains(row.at("name"), "gqa8") ? 8 : whole(row, "num_kv_heads", heads);
  model.attention.kind = AttentionKind::kGqa;
  model.attention.heads = heads;
  model.attention.kv_heads = kv_heads;
  model.attention.head_dim = model.hidden / heads;
  return model;
}

// nanotron cuts its blocks (layers, then the head) where their summed cost in multiply-adds passes a stage's share
// (src/nanotron/models/base.py); before `after_pp_fix` a block that ends exactly there still belonged to the stage
// before it and one more was added.
std::vector<std::int64_t> nanotron_stages(const ModelSpec& model, const Row& row) {
  const auto stages = static_cast<std::size_t>(whole(row, "pp"));
  const double hidden = static_cast<double>(model.hidden);
  const double layer = hidden * (4 * hidden + 3 * static_cast<double>(model.ffn));
  const double all = layer * static_cast<double>(model.layers) + hidden * static_cast<double>(model.vocab);
  const bool fixed = row.at("after_pp_fix") == "True";
  std::vector<std::int64_t> layers(stages, 0);
  std::size_t stage = 0;
  for (std::int64_t i = 1; i <= model.layers; ++i) {
    ++layers[stage];
    const double sum = layer * static_cast<double>(i);
    const double share = all * static_cast<double>(stage + 1) / static_cast<double>(stages);
    if (stage + 1 < stages && (fixed ? sum >= share : sum > share)) ++stage;
  }
  return layers;
}

PlanSpec nanotron_plan(const ModelSpec& model, const Row& row) {
  PlanSpec plan;
  plan.stack = TrainingStack::kNanotron;
  plan.tensor_parallel = whole(row, "tp");
  plan.pipeline_parallel = whole(row, "pp");
  plan.data_parallel = whole(row, "dp");
  plan.zero_stage = whole(row, "zero_stage");
  plan.micro_batch = whole(row, "mbs");
  plan.sequence_length = whole(row, "seq_len");
  plan.global_batch = plan.micro_batch * whole(row, "batch_accum") * plan.data_parallel;
  plan.uneven_stages = true;
  plan.stage_layers = nanotron_stages(model, row);
  return plan;
}

// One half of the rows, by number: what is fitted is fitted on one and reported on the other.
bool in_fitted_half(const Row& row) { return std::hash<std::string>()(row.at("job_id") + row.at("name")) % 2 == 0; }

struct Ratios {
  std::vector<double> all, fitted, held_back;

  void add(const Row& row, double ratio) {
    all.push_back(ratio);
    (in_fitted_half(row) ? fitted : held_back).push_back(ratio);
  }
  std::string text() const {
    return fmt::format("{} rows: median ratio {:.3f}, median error {:.1f} % ({:.1f} % fitted half, {:.1f} % other)",
                       all.size(), median(all), 100 * median_error(all), 100 * median_error(fitted),
                       100 * median_error(held_back));
  }
};

// Rank 0. The log's "Mem Alloc" is the most allocated since the peak counter was last reset, behind the backward
// passes: the optimizer's moment. "Mem Res" is the most its allocator ever held. Both in GiB.
TEST(MemoryPublished, NanotronPeaks) {
  const std::vector<Row> rows = read_reference("nanotron_h100.csv");
  if (rows.empty()) GTEST_SKIP() << "reference tables are not here";
  Ratios update, reserved;
  for (const Row& row : rows) {
    const ModelSpec model = nanotron_model(row);
    const PlanSpec plan = nanotron_plan(model, row);
    const StageMemory memory = estimate_stages(model, plan).front();
    const double allocated = std::stod(row.at("Mem Alloc (GB)")), most = std::stod(row.at("Mem Res (GB)"));
    update.add(row, memory.at(MemoryMoment::kOptimizer).allocated() / 1_GiB / allocated);
    reserved.add(row, memory.peak_reserved() / 1_GiB / most);
  }
  fmt::print("allocated in the update, {}\nreserved, {}\n", update.text(), reserved.text());
  EXPECT_LE(median_error(update.all), 0.03);
  EXPECT_LE(median_error(reserved.all), 0.08);
}

struct Agreement {
  double rows = 0, agree = 0;
  double share() const { return agree / rows; }
};

// Of the rows of `file`, those whose verdict on an H100 (81559 MiB) is `fits`.
Agreement with_verdict(const std::string& file, bool fits) {
  Agreement result;
  for (const Row& row : read_reference(file)) {
    const ModelSpec model = nanotron_model(row);
    const Bytes peak = peak_memory(estimate_stages(model, nanotron_plan(model, row)));
    const bool agrees = (peak <= 81559 * 1_MiB) == fits;
    result.rows += 1;
    result.agree += agrees ? 1 : 0;
    if (!agrees) fmt::print("{}: estimated {:.1f} GiB\n", row.at("name"), peak / 1_GiB);
  }
  fmt::print("{}: {} of {} agree\n", file, result.agree, result.rows);
  return result;
}

TEST(MemoryPublished, NanotronVerdicts) {
  if (read_reference("nanotron_h100_oom.csv").empty()) GTEST_SKIP() << "reference tables are not here";
  const Agreement ran = with_verdict("nanotron_h100.csv", true), failed = with_verdict("nanotron_h100_oom.csv", false);
  EXPECT_EQ(ran.share(), 1);
  EXPECT_GE((ran.agree + failed.agree) / (ran.rows + failed.rows), 0.97);
}

}  // namespace
}  // namespace supernode
