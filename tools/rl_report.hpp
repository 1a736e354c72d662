#pragma once
// The sections of a run's report that go beyond the training step.

#include <string>

#include "scenarios/outcome.hpp"
#include "tools/terminal.hpp"

namespace supernode {

// "" when the scenario has none.
std::string rl_report(const Outcome& outcome, const Style& style);
std::string projection_report(const Outcome& outcome, const Style& style);

}  // namespace supernode
