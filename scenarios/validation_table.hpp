#pragma once
// Tables of published runs as validation takes them: checked more strictly than for import, and filtered.

#include <optional>
#include <string>
#include <vector>

#include "calibration/csv_table.hpp"
#include "scenarios/import_table.hpp"

namespace supernode {

// The runs of `table`, which is `file` parsed. Reports cells that are no number or not above zero, columns in another
// unit than the format's, and chips that neither the catalogue nor the list of those it does not model knows. Nothing
// when the table is none of published runs or has no row (reported).
std::optional<std::vector<PublishedRun>> check_runs(const SourceFile& file, const CsvTable& table,
                                                    Diagnostics& diagnostics);

// Keeps the runs that pass each filter. A filter is COLUMN=VALUE or COLUMN~TEXT, upper or lower case alike, of a column
// of the table or of chip, model, source, id and spec, which each format has. False on a filter of another form or of
// an unknown column, and when no run is left (reported).
bool filter_runs(const CsvTable& table, const std::vector<std::string>& where, std::vector<PublishedRun>& runs,
                 Diagnostics& diagnostics);

}  // namespace supernode
