#pragma once
// Devices as points of a grid: dimensions in which every device of a line is linked to all others of it (mesh) or to
// its two neighbours (ring: torus). Devices forward, and a route corrects one coordinate after the other, the first
// dimension first (dimension-order routing, free of deadlock in a mesh: Dally & Seitz, 1987).

#include <cstdint>
#include <vector>

namespace supernode {

struct GridDimension {
  std::int64_t size = 1;
  bool ring = false;
};

// Device i of a block of size() consecutive devices has coordinate i / stride % size in each dimension, the first
// dimension fastest. A supernode may hold several blocks; between them a route goes through switches.
struct Grid {
  std::vector<GridDimension> dimensions;

  std::int64_t size() const {
    std::int64_t product = 1;
    for (const GridDimension& d : dimensions) product *= d.size;
    return product;
  }
  bool empty() const { return dimensions.empty(); }
};

}  // namespace supernode
