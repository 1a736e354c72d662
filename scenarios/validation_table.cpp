#include "scenarios/validation_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "calibration/other_chips.hpp"
#include "calibration/trace_check.hpp"
#include "scenarios/catalogue.hpp"
#include "scenarios/import_run.hpp"
#include "scenarios/import_text.hpp"
#include "scenarios/run_filter.hpp"

namespace supernode {

namespace {

// Cells that must be above zero where they are not empty, by the tables' columns; a table has some of them.
const std::vector<std::string> kMeasured = {
    "measured_step_s", "measured_tokens_s_chip", "measured_tflops_chip", "measured_mfu_pct", "tok/s/gpu",
    "mTFLOPs",         "iteration time (ms)"};
const std::vector<std::string> kSizes = {"chips",
                                         "params_b",
                                         "active_params_b",
                                         "layers",
                                         "hidden",
                                         "ffn",
                                         "heads",
                                         "kv_heads",
                                         "head_dim",
                                         "vocab",
                                         "seq",
                                         "global_batch_seqs",
                                         "micro_batch",
                                         "tp",
                                         "pp",
                                         "vpp",
                                         "cp",
                                         "ep",
                                         "etp",
                                         "dp",
                                         "nodes",
                                         "seq_len",
                                         "mbs",
                                         "batch_accum",
                                         "hidden_size",
                                         "num_layers",
                                         "num_heads",
                                         "num_kv_heads",
                                         "vocab_size",
                                         "# GPUs",
                                         "global batch",
                                         "micro batch",
                                         "hidden size",
                                         "attention heads",
                                         "# layers",
                                         "sequence length",
                                         "tensor parallelism",
                                         "data parallelism",
                                         "pipeline parallelism"};

// "Ascend 950PR" is the catalogue's ascend-950pr, though no row of such a chip can be imported.
bool is_catalogued(std::string_view chip) {
  std::string name = lower_case(chip);
  std::replace(name.begin(), name.end(), ' ', '-');
  const auto known = catalogue_names(CatalogueKind::kChip);
  return std::any_of(known.begin(), known.end(), [&](const std::string& each) { return name.starts_with(each); });
}

void check_run(const PublishedRun& run, Diagnostics& diagnostics) {
  if (has_system(run) || is_other_chip(run.chip) || is_catalogued(run.chip)) return;
  if (run.chip.empty()) return diagnostics.error(run.position, "the row names no chip");
  diagnostics.error(run.position, fmt::format("column 'chip': unknown chip '{}'{}", run.chip,
                                              suggestion(run.chip, importable_chips())));
}

// A cell by a column of the table, or by a name that each format has.
using CellOf = std::function<std::string(const PublishedRun&)>;

const std::map<std::string, CellOf>& common_columns() {
  static const std::map<std::string, CellOf> kCommon = {
      {"id", [](const PublishedRun& run) { return run.id; }},
      {"chip", [](const PublishedRun& run) { return run.chip; }},
      {"model", [](const PublishedRun& run) { return run.model; }},
      {"source", [](const PublishedRun& run) { return run.source; }},
      {"spec", [](const PublishedRun& run) { return run.grade; }},
  };
  return kCommon;
}

SourcePosition option_place() { return {std::make_shared<const SourceFile>(SourceFile{"--where", ""}), 0, 0}; }

std::optional<CellOf> cell_of(const CsvTable& table, const std::string& column) {
  const auto& header = table.header();
  if (std::find(header.begin(), header.end(), column) == header.end()) {
    const auto common = common_columns().find(column);
    return common == common_columns().end() ? std::nullopt : std::optional(common->second);
  }
  std::map<int, std::string> cells;
  for (const CsvRow& row : table.rows()) cells[row.position().line] = row.text(column);
  return [cells](const PublishedRun& run) { return cells.at(run.position.line); };
}

std::string unknown_column(const CsvTable& table, const std::string& column) {
  std::vector<std::string> known = table.header();
  for (const auto& [name, cell] : common_columns()) known.push_back(name);
  return fmt::format("the table has no column '{}'{}", column, suggestion(column, known));
}

}  // namespace

std::optional<std::vector<PublishedRun>> check_runs(const SourceFile& file, const CsvTable& table,
                                                    Diagnostics& diagnostics) {
  Diagnostics reading;
  auto runs = read_published_runs(file, reading);
  if (runs && runs->empty()) {
    reading.error({std::make_shared<const SourceFile>(file), 0, 0}, "the table has a header and no row");
    runs.reset();
  }
  if (runs) {
    check_units(file, kMeasured, diagnostics);
    for (const CsvRow& row : table.rows()) {
      for (const auto* columns : {&kMeasured, &kSizes})
        for (const std::string& column : *columns) check_positive(row, column, diagnostics);
    }
    for (const PublishedRun& run : *runs) check_run(run, diagnostics);
  }
  add_errors_of_other_lines(reading, diagnostics);
  return runs;
}

bool filter_runs(const CsvTable& table, const std::vector<std::string>& where, std::vector<PublishedRun>& runs,
                 Diagnostics& diagnostics) {
  for (const std::string& text : where) {
    const auto filter = parse_row_filter(text);
    const auto cell = filter ? cell_of(table, filter->column) : std::nullopt;
    if (!filter)
      diagnostics.error(option_place(), fmt::format("'{}' is neither COLUMN=VALUE nor COLUMN~TEXT", text));
    else if (!cell)
      diagnostics.error(option_place(), unknown_column(table, filter->column));
    else
      std::erase_if(runs, [&](const PublishedRun& run) { return !filter->takes((*cell)(run)); });
    if (!cell) return false;
  }
  if (runs.empty()) diagnostics.error(option_place(), "no row passes");
  return !runs.empty();
}

}  // namespace supernode
