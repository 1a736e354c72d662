#pragma once
// What `supernode validate` prints: CSV, JSON or tables.

#include <string>

#include "base/diagnostics.hpp"
#include "scenarios/validation.hpp"
#include "tools/terminal.hpp"

namespace supernode {

// A row a run, in the table's order. All columns of the table as they were read, then what was simulated.
std::string validation_csv(const Validation& validation);
// One object: the summary of the main share, `by` group, `apart` (grade B, reinforcement learning), correlations; with
// `rows` also `runs`.
std::string validation_json(const Validation& validation, const SourceFile& file, bool rows);
// A line a run, with `assumptions` those made for it below; summaries; reasons.
std::string validation_text(const Validation& validation, bool assumptions, const Style& style);

}  // namespace supernode
