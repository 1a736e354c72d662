#include "scenarios/rollout_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/numeric.hpp"
#include "calibration/csv_table.hpp"
#include "scenarios/catalogue.hpp"
#include "scenarios/catalogue_specs.hpp"
#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

// What rows leave open.
constexpr std::int64_t kChips = 8;        // a node
constexpr double kPrefillTokens = 16384;  // a chip's pass: DeepSeek-R1 on CloudMatrix (arXiv 2506.12708)
constexpr double kContext = 4096;

class RowReader {
 public:
  RowReader(const CsvRow& csv, Diagnostics& diagnostics) : csv_(csv), diagnostics_(diagnostics) {}

  RolloutRow read() {
    row_.id = text("id");
    row_.phase = text("phase") == "prefill"  ? ServingPhase::kPrefill
                 : text("phase") == "decode" ? ServingPhase::kDecode
                                             : ServingPhase::kEndToEnd;
    notes_ = lower_case(text("notes"));
    published();
    system();
    model();
    if (!row_.problem.empty()) return row_;
    precision();
    layout();
    lengths();
    speculation();
    batch();
    return row_;
  }

 private:
  std::string text(std::string_view column) const { return std::string(csv_.text(column)); }
  void assume(std::string what) { row_.assumed.push_back(std::move(what)); }

  void published() {
    row_.published_tpot_s = csv_.number("tpot_ms", diagnostics_).value_or(0) / 1e3;
    row_.published_tokens_s_chip = csv_.number("tokens_s_chip", diagnostics_).value_or(0);
    const auto each_user = number_before(notes_, " tok/s/user");
    if (row_.published_tpot_s == 0 && each_user && *each_user > 0) row_.published_tpot_s = 1 / *each_user;
  }

  void system() {
    // Names of chips as tables write them, the longer first. An A3 beyond one server is a supernode.
    static constexpr std::pair<std::string_view, std::string_view> kSystems[] = {
        {"910c", "cloudmatrix-384"}, {"910b", "atlas-800t-a2"}, {"gb300", "gb300-nvl72"}, {"gb200", "gb200-nvl72"},
        {"b300", "hgx-b300"},        {"b200", "hgx-b200"},      {"h200", "hgx-h200"},     {"h800", "hgx-h800"},
        {"h100", "hgx-h100"},        {"h20", "hgx-h20"},        {"a800", "hgx-a800"},     {"a100", "hgx-a100"}};
    const std::string chip = lower_case(text("chip"));
    for (const auto& [mark, name] : kSystems)
      if (row_.system.empty() && contains(chip, mark)) row_.system = name;
    if (row_.system.empty()) row_.problem = fmt::format("no system is known for chip '{}'", text("chip"));
  }

  // The longest name of the catalogue that the row's begins with ("DeepSeek-R1 0528 FP4"); else the first that begins
  // with the row's ("LongCat-Flash").
  void model() {
    std::string wanted = lower_case(text("model"));
    std::replace(wanted.begin(), wanted.end(), ' ', '-');
    const std::vector<std::string> names = catalogue_names(CatalogueKind::kModel);
    for (const std::string& name : names)
      if (wanted.starts_with(name) && name.size() > row_.model.size()) row_.model = name;
    for (const std::string& name : names)
      if (row_.model.empty() && name.starts_with(wanted)) row_.model = name;
    if (row_.model.empty() && row_.problem.empty())
      row_.problem = fmt::format("model '{}' is not in the catalogue", text("model"));
  }

  void precision() {
    const std::string precision = lower_case(text("precision"));
    InferencePlan& plan = row_.plan;
    if (contains(precision, "w8a8") || contains(precision, "int8"))
      plan.weight = plan.dispatch = Precision::kInt8;
    else if (contains(precision, "fp8"))
      plan.weight = plan.dispatch = Precision::kFp8Block;
    else if (contains(precision, "fp4"))
      plan.weight = plan.dispatch = Precision::kFp4;
    else
      assume_precision();
    if (contains(precision, "c8")) plan.cache = Precision::kInt8;
  }

  // Eight bits, of the kind the vendor's chips have.
  void assume_precision() {
    const bool ascend = row_.system == "cloudmatrix-384" || row_.system == "atlas-800t-a2";
    row_.plan.weight = row_.plan.dispatch = ascend ? Precision::kInt8 : Precision::kFp8Block;
    assume(fmt::format("{} weights", to_string(row_.plan.weight)));
  }

  void layout() {
    Diagnostics ignored;
    const auto system = load_system(row_.system, ignored);
    const std::int64_t devices = system->devices_per_chip;
    std::int64_t chips = std::llround(csv_.number("chips", ignored).value_or(0));
    if (chips == 0) assume(fmt::format("{} chips", chips = kChips));
    const auto model = load_model(row_.model, ignored);
    const bool experts = model->moe.experts > 0;
    const auto stated = number_after(text("parallel"), "EP");
    std::int64_t ranks = stated && *stated > 1 ? std::llround(*stated) : chips * devices;
    row_.open_layout = !stated && row_.phase != ServingPhase::kPrefill;
    if (!stated && experts) assume(fmt::format("EP{} over all ranks", ranks));
    row_.plan.tensor_parallel = 1;
    row_.plan.expert_parallel = experts ? std::min(ranks, std::max(model->moe.experts, stated ? ranks : 0)) : 1;
    row_.plan.data_parallel = row_.plan.instance_replicas();
    const std::int64_t node = system->chips_per_node;
    row_.chips = (row_.plan.instance_ranks() + devices * node - 1) / (devices * node) * node;
    row_.plan.software = software_named("overlapped");
    row_.plan.micro_batches = true;
    assume("host work hidden, two halves of a batch against each other");
  }

  void lengths() {
    Diagnostics ignored;
    const std::string given = text("prompt_or_kv_len");
    row_.prompt = number_after(given, "avg KV ").value_or(0);
    if (row_.prompt == 0 && !given.empty()) row_.prompt = std::strtod(given.c_str(), nullptr);
    if (row_.prompt == 0) assume(fmt::format("{} tokens of context", row_.prompt = kContext));
    row_.output = csv_.number("output_len", ignored).value_or(0);
  }

  // CloudMatrix-Infer decodes with one draft token, accepted 7 times in 10 (arXiv 2506.12708, section 5).
  void speculation() {
    SpeculativeSpec& s = row_.plan.speculative;
    const std::string where = lower_case(text("source") + " " + text("system") + " " + text("model"));
    const bool stated = contains(notes_, "mtp1") || contains(where, "mtp");
    const bool cloudmatrix = contains(where, "cloudmatrix-infer") && row_.system == "cloudmatrix-384";
    if (row_.phase == ServingPhase::kPrefill || (!stated && !cloudmatrix)) return;
    s.tokens = 1;
    if (const auto accepted = number_after(notes_, "accept "))
      s.acceptance = *accepted;
    else
      assume(fmt::format("one draft token, accepted with {}", s.acceptance));
  }

  void batch() {
    Diagnostics ignored;
    const std::string given = text("batch_per_chip_or_global");
    const double chips = csv_.number("chips", ignored).value_or(0);
    if (row_.phase == ServingPhase::kPrefill) {
      const auto thousands = number_before(given, "K tokens per");
      row_.prefill_chip = thousands ? *thousands * 1024 : kPrefillTokens;
      if (!thousands) assume(fmt::format("{:.0f} prompt tokens at once on a chip", kPrefillTokens));
    } else if (const auto each = number_before(given, " per ")) {
      row_.batch_chip = *each;
    } else if (const auto all = number_after(given, "GBS "); all && chips > 0) {
      row_.batch_chip = *all / chips;
    } else if (row_.published_tokens_s_chip > 0 && row_.published_tpot_s > 0) {
      row_.batch_chip = row_.published_tokens_s_chip * row_.published_tpot_s;
      assume("the batch is published tokens/s times time per token");
    } else {
      assume("as many sequences as the cache holds");
    }
  }

  const CsvRow& csv_;
  Diagnostics& diagnostics_;
  RolloutRow row_;
  std::string notes_;
};

}  // namespace

std::string_view to_string(ServingPhase phase) {
  switch (phase) {
    case ServingPhase::kPrefill:
      return "prefill";
    case ServingPhase::kDecode:
      return "decode";
    case ServingPhase::kEndToEnd:
      return "e2e";
  }
  return "?";
}

std::optional<std::vector<RolloutRow>> read_rollout_rows(const SourceFile& file, Diagnostics& diagnostics) {
  const std::vector<std::string> required = {"id",       "chip",  "model",         "phase",
                                             "parallel", "notes", "tokens_s_chip", "prompt_or_kv_len"};
  const auto table = CsvTable::parse(file, required, diagnostics);
  if (!table) return std::nullopt;
  std::vector<RolloutRow> rows;
  for (const CsvRow& csv : table->rows()) rows.push_back(RowReader(csv, diagnostics).read());
  return rows;
}

std::optional<double> RolloutPrediction::error() const {
  if (row.published_tokens_s_chip > 0 && tokens_s_chip > 0) return tokens_s_chip / row.published_tokens_s_chip - 1;
  if (row.published_tpot_s > 0 && tpot_s > 0) return tpot_s / row.published_tpot_s - 1;
  return std::nullopt;
}

std::optional<double> median_error(const std::vector<RolloutPrediction>& predictions) {
  std::vector<double> errors;
  for (const RolloutPrediction& p : predictions)
    if (const auto error = p.error()) errors.push_back(std::abs(*error));
  if (errors.empty()) return std::nullopt;
  std::sort(errors.begin(), errors.end());
  const std::size_t n = errors.size();
  return n % 2 == 1 ? errors[n / 2] : (errors[n / 2 - 1] + errors[n / 2]) / 2;
}

}  // namespace supernode
