#pragma once
// What the studies of kernels and of collectives share.

#include <map>
#include <string_view>
#include <vector>

#include "calibration/trace_check.hpp"
#include "scenarios/trace_study.hpp"

namespace supernode {

// The table of `file` with a row of the study for each of its rows, those in `bad` marked as such, and the others still
// without group or prediction. Nothing when it has no row (reported).
std::optional<TraceStudy> begin_study(const SourceFile& file, std::span<const std::string> required,
                                      Diagnostics& diagnostics);

// Marks the rows with an error at their line. False when there are errors and they are not to be skipped, or when one
// concerns the whole file.
bool settle_bad_rows(TraceStudy& study, bool skip_bad, const Diagnostics& diagnostics);

// Reports a chip that neither the catalogue nor the list of chips that it does not model knows; an empty cell is none.
void check_chip(const CsvRow& row, Diagnostics& diagnostics);

// By line of the file.
std::map<int, StudiedRow*> rows_by_line(TraceStudy& study);

// Fills in a prediction; its interval is that of a log-normal law.
void set_prediction(StudiedRow& row, Seconds predicted, Seconds deviation, Seconds measured);

}  // namespace supernode
