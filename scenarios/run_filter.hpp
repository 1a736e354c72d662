#pragma once
// Choosing rows of a table by their cells: COLUMN=VALUE takes cells that are VALUE, COLUMN~TEXT those that have TEXT in
// them, upper or lower case alike.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace supernode {

struct RowFilter {
  std::string column, value;
  bool contains = false;

  bool takes(std::string_view cell) const;
};

// Nothing when it is neither form.
std::optional<RowFilter> parse_row_filter(std::string_view text);

}  // namespace supernode
