#pragma once
// The members of a group by node or supernode.

#include <cstdint>
#include <vector>

namespace supernode {

// Positions by unit, all units of one size, or empty.
std::vector<std::vector<std::int32_t>> equal_units(const std::vector<std::int32_t>& unit_of);

}  // namespace supernode
