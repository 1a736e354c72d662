#pragma once
// Accelerators that tables of measurements name and that the catalogue does not model.

#include <string_view>

namespace supernode {

// Whether `name` ("MI300X", "TPU v5p", "h100-pcie") is one of them, or says itself that its source does not name the
// chip ("?", "unknown"). Rows of such a chip are left out; any other name that the catalogue lacks is a slip.
bool is_other_chip(std::string_view name);

}  // namespace supernode
