#include "sim/collectives/grid_box.hpp"

#include <algorithm>
#include <numeric>
#include <set>

namespace supernode {
namespace {

// Coordinates of a cell in the whole grid, the block last.
std::vector<std::int64_t> coordinates(const Grid& grid, std::int64_t cell) {
  std::vector<std::int64_t> at;
  for (const GridDimension& dimension : grid.dimensions) {
    at.push_back(cell % dimension.size);
    cell /= dimension.size;
  }
  at.push_back(cell);
  return at;
}

// Digits of a place in the box, the first dimension fastest.
std::vector<std::int64_t> digits(const std::vector<GridDimension>& dimensions, std::int64_t place) {
  std::vector<std::int64_t> digits;
  for (const GridDimension& dimension : dimensions) {
    digits.push_back(place % dimension.size);
    place /= dimension.size;
  }
  return digits;
}

std::int64_t place_of(const std::vector<GridDimension>& dimensions, const std::vector<std::int64_t>& digits) {
  std::int64_t place = 0;
  for (std::size_t d = dimensions.size(); d-- > 0;) place = place * dimensions[d].size + digits[d];
  return place;
}

bool each_divides_the_next(const std::vector<GridDimension>& dimensions) {
  for (std::size_t d = 1; d < dimensions.size(); ++d)
    if (dimensions[d].size % dimensions[d - 1].size != 0) return false;
  return true;
}

std::vector<std::int64_t> modular_gray(const std::vector<GridDimension>& dimensions, std::vector<std::int64_t> digits) {
  for (std::size_t d = 0; d + 1 < digits.size(); ++d)
    digits[d] = ((digits[d] - digits[d + 1]) % dimensions[d].size + dimensions[d].size) % dimensions[d].size;
  return digits;
}

// A dimension runs backwards whenever the number that the digits above it make is odd.
std::vector<std::int64_t> reflected_gray(const std::vector<GridDimension>& dimensions,
                                         std::vector<std::int64_t> digits) {
  std::int64_t above = 0;
  for (std::size_t d = digits.size(); d-- > 0;) {
    const std::int64_t digit = digits[d], size = dimensions[d].size;
    if (above % 2 != 0) digits[d] = size - 1 - digit;
    above = above * size + digit;
  }
  return digits;
}

// The coordinates that members take of one dimension of the grid, ascending.
struct Extent {
  std::size_t dimension;
  std::vector<std::int64_t> values;
};

// Of each dimension in which members differ.
std::vector<Extent> varying(const std::vector<std::vector<std::int64_t>>& at) {
  std::vector<Extent> extents;
  for (std::size_t d = 0; d < at.front().size(); ++d) {
    std::set<std::int64_t> values;
    for (const auto& member : at) values.insert(member[d]);
    if (values.size() > 1) extents.push_back({d, {values.begin(), values.end()}});
  }
  return extents;
}

// Dimensions by size, so that each may divide the next; if they do not, with an even one last, if there is one.
std::vector<std::size_t> walk_order(const GridBox& box) {
  std::vector<std::size_t> order(box.dimensions.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto size = [&](std::size_t d) { return box.dimensions[d].size; };
  std::ranges::stable_sort(order, {}, size);
  std::vector<GridDimension> sorted;
  for (const std::size_t d : order) sorted.push_back(box.dimensions[d]);
  if (each_divides_the_next(sorted)) return order;
  const auto even = std::ranges::find_if(order, [&](std::size_t d) { return size(d) % 2 == 0; });
  if (even != order.end()) std::rotate(even, even + 1, order.end());
  return order;
}

}  // namespace

std::optional<GridBox> grid_box(const GroupShape& group) {
  if (group.cell.empty()) return std::nullopt;
  std::vector<std::vector<std::int64_t>> at;
  for (const std::int32_t cell : group.cell) at.push_back(coordinates(group.grid, cell));
  const std::vector<Extent> extents = varying(at);
  GridBox box;
  std::int64_t cells = 1;
  for (const Extent& extent : extents) {
    const bool ring = extent.dimension < group.grid.dimensions.size() && group.grid.dimensions[extent.dimension].ring;
    box.dimensions.push_back({std::ssize(extent.values), ring});
    cells *= std::ssize(extent.values);
  }
  if (cells != group.size()) return std::nullopt;
  box.position.assign(group.cell.size(), -1);
  for (std::size_t i = 0; i < at.size(); ++i) {
    std::vector<std::int64_t> place;
    for (const Extent& extent : extents)
      place.push_back(std::ranges::lower_bound(extent.values, at[i][extent.dimension]) - extent.values.begin());
    box.position[static_cast<std::size_t>(place_of(box.dimensions, place))] = static_cast<std::int32_t>(i);
  }
  return box;
}

std::vector<std::vector<std::int32_t>> GridBox::lines(std::size_t dimension) const {
  std::int64_t stride = 1;
  for (std::size_t d = 0; d < dimension; ++d) stride *= dimensions[d].size;
  const std::int64_t length = dimensions[dimension].size;
  std::vector<std::vector<std::int32_t>> lines;
  for (std::int64_t cell = 0; cell < size(); ++cell) {
    if (cell / stride % length != 0) continue;
    lines.emplace_back();
    for (std::int64_t x = 0; x < length; ++x)
      lines.back().push_back(position[static_cast<std::size_t>(cell + x * stride)]);
  }
  return lines;
}

std::vector<std::int32_t> closed_walk(const GridBox& box) {
  const std::vector<std::size_t> order = walk_order(box);
  std::vector<GridDimension> sorted;
  for (const std::size_t d : order) sorted.push_back(box.dimensions[d]);
  const bool modular = each_divides_the_next(sorted);
  std::vector<std::int32_t> walk;
  for (std::int64_t i = 0; i < box.size(); ++i) {
    const auto gray = modular ? modular_gray(sorted, digits(sorted, i)) : reflected_gray(sorted, digits(sorted, i));
    std::vector<std::int64_t> place(gray.size());
    for (std::size_t d = 0; d < order.size(); ++d) place[order[d]] = gray[d];
    walk.push_back(box.position[static_cast<std::size_t>(place_of(box.dimensions, place))]);
  }
  return walk;
}

}  // namespace supernode
