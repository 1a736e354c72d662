// Tables of measured kernels beside the fits of their chips.

#include <deque>

#include "calibration/kernel_prediction.hpp"
#include "scenarios/catalogue_specs.hpp"
#include "scenarios/trace_study_parts.hpp"

namespace supernode {

namespace {

const std::vector<std::string> kColumns = {"chip", "op", "phase", "dtype", "m", "n", "k", "time_us", "tflops"};
const std::vector<std::string> kMeasured = {"time_us", "tflops"};
constexpr std::string_view kSizes[] = {"m",        "n",        "k",          "groups", "batch", "heads",
                                       "kv_heads", "head_dim", "head_dim_v", "seq_q",  "seq_kv"};

void check_row(const CsvRow& row, Diagnostics& diagnostics) {
  if (row.text("chip").empty()) diagnostics.error(row.position("chip"), "the row names no chip");
  check_chip(row, diagnostics);
  for (std::string_view size : kSizes) check_positive(row, size, diagnostics);
  check_measured(row, "time_us", "tflops", diagnostics);
}

// Chips of the catalogue, each read once.
class Chips {
 public:
  const ChipSpec* find(const std::string& name) {
    const auto known = specs_.find(name);
    if (known != specs_.end()) return &known->second;
    Diagnostics ignored;  // a test reads every entry
    auto chip = load_chip(name, ignored);
    return chip ? &specs_.emplace(name, std::move(*chip)).first->second : nullptr;
  }

 private:
  std::map<std::string, ChipSpec> specs_;
};

void set_groups(StudiedRow& row, const KernelPrediction& prediction) {
  const CsvRow& cells = *row.cells;
  const std::string chip = prediction.chip.empty() ? std::string(cells.text("chip")) : prediction.chip;
  const std::string op = prediction.op_class.empty() ? std::string(cells.text("op")) : prediction.op_class;
  row.score.groups = {{"chip", chip}, {"op_class", op}, {"source", publication(cells.text("source"))}};
}

}  // namespace

void check_kernel_table(const SourceFile& file, Diagnostics& diagnostics) {
  check_units(file, kMeasured, diagnostics);
  const auto table = CsvTable::parse(file, kColumns, diagnostics);
  if (!table) return;
  for (const CsvRow& row : table->rows()) check_row(row, diagnostics);
}

std::optional<TraceStudy> study_kernels(const SourceFile& file, bool skip_bad, Diagnostics& diagnostics) {
  check_kernel_table(file, diagnostics);
  auto study = begin_study(file, kColumns, diagnostics);
  if (!study) return std::nullopt;
  Diagnostics reading;
  const auto rows = read_kernel_rows(file, reading);
  add_errors_of_other_lines(reading, diagnostics);
  if (!rows || !settle_bad_rows(*study, skip_bad, diagnostics)) return std::nullopt;
  Chips chips;
  const auto predictions = predict_kernels(*rows, [&](const std::string& name) { return chips.find(name); });
  const auto by_line = rows_by_line(*study);
  for (const KernelPrediction& prediction : predictions) {
    StudiedRow& row = *by_line.at(prediction.row->position.line);
    set_groups(row, prediction);
    if (!row.score.skipped.empty()) continue;
    row.score.skipped = prediction.skipped;
    if (prediction.skipped.empty())
      set_prediction(row, prediction.time, prediction.deviation, prediction.row->measured);
  }
  return study;
}

}  // namespace supernode
