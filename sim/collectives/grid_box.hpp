#pragma once
// The members of a group on the fabric's grid: the cells of a box, whatever coordinates it takes of each dimension.

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/collective_algorithm.hpp"

namespace supernode {

struct GridBox {
  // Those in which the members differ. Blocks of the grid are one more, joined through switches: all to all.
  std::vector<GridDimension> dimensions;
  std::vector<std::int32_t> position;  // in the group, of each cell of the box, the first dimension fastest

  std::int64_t size() const { return static_cast<std::int64_t>(position.size()); }
  // Every line along a dimension: positions in order of their coordinate.
  std::vector<std::vector<std::int32_t>> lines(std::size_t dimension) const;
};

// None when the fabric has no grid or the members do not fill a box.
std::optional<GridBox> grid_box(const GroupShape& group);

// A closed walk over the box in which neighbours differ by one step of one dimension, wherever there is a simple one:
// the modular Gray code when sizes divide one another (a torus: each step is to the next of a ring), else the reflected
// one, which closes when the last size is even and that dimension is a ring or a full mesh.
std::vector<std::int32_t> closed_walk(const GridBox& box);

}  // namespace supernode
