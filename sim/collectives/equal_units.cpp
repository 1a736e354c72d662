#include "sim/collectives/equal_units.hpp"

#include <algorithm>
#include <map>

namespace supernode {

std::vector<std::vector<std::int32_t>> equal_units(const std::vector<std::int32_t>& unit_of) {
  std::map<std::int32_t, std::vector<std::int32_t>> by_unit;
  for (std::size_t i = 0; i < unit_of.size(); ++i) by_unit[unit_of[i]].push_back(static_cast<std::int32_t>(i));
  std::vector<std::vector<std::int32_t>> units;
  for (auto& [unit, positions] : by_unit) units.push_back(std::move(positions));
  const bool equal = std::ranges::all_of(units, [&](const auto& u) { return u.size() == units.front().size(); });
  return equal ? units : std::vector<std::vector<std::int32_t>>{};
}

}  // namespace supernode
