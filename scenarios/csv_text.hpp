#pragma once
// Tables as CSV text (RFC 4180, lines end in a line feed).

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace supernode {

// A cell in quotes when it needs them.
std::string csv_cell(const std::string& text);
// Header and rows, objects of equal keys; null is an empty cell.
std::string csv_text(const std::vector<std::string>& columns, const std::vector<nlohmann::ordered_json>& rows);

}  // namespace supernode
