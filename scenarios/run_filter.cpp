#include "scenarios/run_filter.hpp"

#include "scenarios/import_text.hpp"

namespace supernode {

bool RowFilter::takes(std::string_view cell) const {
  const std::string text = lower_case(cell), sought = lower_case(value);
  return contains ? text.find(sought) != std::string::npos : text == sought;
}

std::optional<RowFilter> parse_row_filter(std::string_view text) {
  const auto sign = text.find_first_of("=~");
  if (sign == std::string_view::npos || sign == 0 || sign + 1 == text.size()) return std::nullopt;
  return RowFilter{std::string(text.substr(0, sign)), std::string(text.substr(sign + 1)), text[sign] == '~'};
}

}  // namespace supernode
