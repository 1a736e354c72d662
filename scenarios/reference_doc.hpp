#pragma once
// The scenario reference (docs/scenario_reference.md), generated from the code that reads scenarios.

#include <string>

namespace supernode {

std::string scenario_reference_markdown();

}  // namespace supernode
