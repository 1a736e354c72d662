#pragma once
// What `supernode predict` prints of a study: CSV, JSON or tables.

#include <string>

#include "scenarios/trace_study.hpp"
#include "tools/terminal.hpp"

namespace supernode {

// Each row of the table as it was read, all of its columns in their order, and predicted_us, std_us, ratio, skipped.
// Lines that are no rows are left out.
std::string study_csv(const TraceStudy& study);
// One object: the summary, `by` group; with `rows` also `predictions`, one a row.
std::string study_json(const TraceStudy& study, const SourceFile& file, bool rows);
// A line for each chip and class of operation, and what was left out and why.
std::string study_text(const TraceStudy& study, const Style& style);

// One line: "median error 8.1 %, 90th percentile 24.0 % over 1200 of 1300 rows".
std::string summary_line(const ErrorSummary& summary);
// Reasons and rows, one a line; "" when nothing was left out.
std::string skipped_text(const ErrorSummary& summary);

}  // namespace supernode
