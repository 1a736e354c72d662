#pragma once
// The report of one run as text.

#include <string>

#include "scenarios/outcome.hpp"
#include "tools/terminal.hpp"

namespace supernode {

// Step, where the time goes, memory, collectives, assumptions; of a plan that does not fit: memory and what would fit.
std::string run_report(const Outcome& outcome, const Style& style);

// The memory section alone.
std::string memory_report(const Outcome& outcome, const Style& style);

}  // namespace supernode
