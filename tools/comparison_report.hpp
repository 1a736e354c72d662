#pragma once
// A comparison as text: rates side by side with ratios, then the parts that the gap per chip is made of.

#include <string>
#include <vector>

#include "scenarios/comparison.hpp"
#include "tools/terminal.hpp"

namespace supernode {

std::string comparison_report(const Comparison& comparison, const std::vector<Outcome>& outcomes, const Style& style);

}  // namespace supernode
