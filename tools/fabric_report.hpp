#pragma once
// The census of a fabric for people: 80 columns, sources as footnotes.

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/fabric_answer.hpp"
#include "tools/terminal.hpp"

namespace supernode {

std::string fabric_report(const FabricAnswer& answer, const Style& style);

// "12,345" for a whole number; four significant digits else.
std::string grouped_text(double amount);
std::string counted(std::int64_t count, std::string_view what);  // "48 nodes"
std::string bandwidth_text(BytesPerSecond bandwidth);            // "75.26 TB/s"

}  // namespace supernode
