#pragma once
// Meshes and tori of devices built by hand.

#include "tests/sim/collective_fixture.hpp"

namespace supernode::test {

// All devices of one supernode on a grid, a link of its own between neighbours (ring) or between any two of a line;
// nodes are the lines of the first dimension.
inline Fabric grid_fabric(const std::vector<GridDimension>& dimensions, BytesPerSecond bandwidth, Seconds latency) {
  Fabric fabric;
  const Grid grid{dimensions};
  for (std::int64_t i = 0; i < grid.size(); ++i) {
    const int at = static_cast<int>(i);
    fabric.add_device("d" + std::to_string(i), {at, at / static_cast<int>(dimensions.front().size), 0});
  }
  std::int64_t stride = 1;
  for (const GridDimension& dimension : dimensions) {
    for (std::int64_t i = 0; i < grid.size(); ++i) {
      const std::int64_t x = i / stride % dimension.size;
      const auto join = [&](std::int64_t y) {
        fabric.connect(fabric.vertex(DeviceId(i)), fabric.vertex(DeviceId(i + (y - x) * stride)),
                       link(bandwidth, latency));
      };
      if (!dimension.ring)
        for (std::int64_t y = x + 1; y < dimension.size; ++y) join(y);
      else if (dimension.size > 2 || x == 0)
        join((x + 1) % dimension.size);
    }
    stride *= dimension.size;
  }
  fabric.set_grid(grid);
  fabric.seal();
  return fabric;
}

}  // namespace supernode::test
