#include "scenarios/csv_text.hpp"

#include <fmt/format.h>

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

std::string value_cell(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return csv_cell(value.get<std::string>());
  return value.dump();
}

}  // namespace

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string csv_text(const std::vector<std::string>& columns, const std::vector<Json>& rows) {
  std::string out = fmt::format("{}\n", fmt::join(columns, ","));
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const std::string& column : columns) cells.push_back(value_cell(row.value(column, Json())));
    out += fmt::format("{}\n", fmt::join(cells, ","));
  }
  return out;
}

}  // namespace supernode
