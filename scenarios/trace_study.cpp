#include "scenarios/trace_study.hpp"

#include <fmt/format.h>

#include <cmath>

#include "calibration/kernel_prediction.hpp"
#include "calibration/other_chips.hpp"
#include "scenarios/catalogue.hpp"
#include "scenarios/trace_study_parts.hpp"

namespace supernode {

std::vector<ScoredRow> TraceStudy::scores() const {
  std::vector<ScoredRow> list;
  for (const StudiedRow& row : rows) list.push_back(row.score);
  return list;
}

std::optional<TraceStudy> begin_study(const SourceFile& file, std::span<const std::string> required,
                                      Diagnostics& diagnostics) {
  Diagnostics reported;  // by check_kernel_table, check_collective_table
  auto table = CsvTable::parse(file, required, reported);
  if (!table) return std::nullopt;
  if (table->rows().empty() && table->dropped() == 0) {
    diagnostics.error({std::make_shared<const SourceFile>(file), 0, 0}, "the table has a header and no row");
    return std::nullopt;
  }
  TraceStudy study{.table = std::move(*table), .rows = {}};
  for (const CsvRow& row : study.table.rows()) study.rows.push_back({.cells = &row, .score = {}});
  for (int i = 0; i < study.table.dropped(); ++i) study.rows.push_back({.score = {.skipped = std::string(kBadRow)}});
  return study;
}

bool settle_bad_rows(TraceStudy& study, bool skip_bad, const Diagnostics& diagnostics) {
  const BadRows bad(diagnostics);
  if (bad.empty()) return true;
  if (!skip_bad || bad.has(0) || bad.has(1)) return false;
  for (StudiedRow& row : study.rows) {
    if (row.cells && bad.has(row.cells->position().line)) row.score.skipped = kBadRow;
  }
  return true;
}

void check_chip(const CsvRow& row, Diagnostics& diagnostics) {
  const std::string_view chip = row.text("chip");
  if (chip.empty() || !catalogue_chip(chip).empty() || is_other_chip(chip)) return;
  diagnostics.error(row.position("chip"),
                    fmt::format("unknown chip '{}'{}", chip, suggestion(chip, catalogue_names(CatalogueKind::kChip))));
}

std::map<int, StudiedRow*> rows_by_line(TraceStudy& study) {
  std::map<int, StudiedRow*> lines;
  for (StudiedRow& row : study.rows)
    if (row.cells) lines[row.cells->position().line] = &row;
  return lines;
}

void set_prediction(StudiedRow& row, Seconds predicted, Seconds deviation, Seconds measured) {
  constexpr double kMicroseconds = 1e6;
  const double spread = std::exp(kNinetyPercent * (deviation / predicted));
  row.deviation = deviation;
  row.score.predicted = predicted.value() * kMicroseconds;
  row.score.measured = measured.value() * kMicroseconds;
  row.score.low = row.score.predicted / spread;
  row.score.high = row.score.predicted * spread;
}

std::string publication(std::string_view source) {
  for (std::string_view host : {"github ", "gitcode ", "gitee ", "huggingface "})
    if (source.starts_with(host)) source.remove_prefix(host.size());
  const std::string_view word = source.substr(0, source.find_first_of(" @:,;("));
  if (word.find('/') != std::string_view::npos) return std::string(word);
  source = source.substr(0, source.find_first_of("@:,;("));
  while (source.ends_with(' ')) source.remove_suffix(1);
  return std::string(source);
}

}  // namespace supernode
