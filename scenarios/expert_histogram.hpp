#pragma once
// Tokens that chose each expert, from a CSV file of one expert a line: the count stands in the last column, a first
// line of words is a header.

#include <memory>
#include <string>

#include "base/collective.hpp"
#include "base/diagnostics.hpp"

namespace supernode {

// Null when the file cannot be read or a count is no number from 0 up (reported with its line).
std::shared_ptr<const ExpertHistogram> read_expert_histogram(const std::string& path, Diagnostics& diagnostics);

}  // namespace supernode
