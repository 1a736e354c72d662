#pragma once
// Tables of measured kernels and collectives with what the catalogue's fits predict beside each row.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.hpp"
#include "calibration/csv_table.hpp"
#include "scenarios/error_summary.hpp"

namespace supernode {

struct StudiedRow {
  const CsvRow* cells = nullptr;  // in the table; null for a line that is no row of it
  ScoredRow score;                // its times are in microseconds
  Seconds deviation{};            // one standard deviation of the prediction
};

struct TraceStudy {
  CsvTable table;
  std::vector<StudiedRow> rows;  // in the table's order, lines that are no rows last
  std::vector<ScoredRow> scores() const;
};

// Columns: docs/traces.md. Groups: chip, op_class and source. What is wrong with a row is reported; with `skip_bad`
// such rows are left out as "bad row", else nothing is predicted. Nothing comes back either when the header is wrong or
// the table has no row.
std::optional<TraceStudy> study_kernels(const SourceFile& file, bool skip_bad, Diagnostics& diagnostics);
std::optional<TraceStudy> study_collectives(const SourceFile& file, bool skip_bad, Diagnostics& diagnostics);

// What is wrong with such a table beyond cells that cannot be read.
void check_kernel_table(const SourceFile& file, Diagnostics& diagnostics);
void check_collective_table(const SourceFile& file, Diagnostics& diagnostics);

inline constexpr std::string_view kBadRow = "bad row";

// Where a figure was published, without the place inside it: "github ORG/REPO@commit:path (note)" is "ORG/REPO",
// "arXiv 2402.15627 (MegaScale), table 2" is "arXiv 2402.15627".
std::string publication(std::string_view source);

}  // namespace supernode
