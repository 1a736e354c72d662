#pragma once
// Where the groups of a fabric stand in its picture. Nodes are columns. Devices stand in one row across it; the
// scale-up plane grows upwards from them, NICs and the scale-out plane downwards. Switches whose devices are all in one
// column stand in that column; others are bands across the columns that they join, one row a sub-plane or leaf.

#include <vector>

#include "tools/fabric_groups.hpp"
#include "tools/svg_writer.hpp"

namespace supernode {

struct LayoutBox {
  Point corner;
  double width = 0, height = 0;
  bool shown = false;
  bool band = false;
  int column = -1;  // of what is no band

  double left() const { return corner.x; }
  double right() const { return corner.x + width; }
  double top() const { return corner.y; }
  double bottom() const { return corner.y + height; }
  double middle() const { return corner.x + width / 2; }
};

struct FabricLayout {
  std::vector<LayoutBox> boxes;  // by group
  double left = 0, right = 0;    // of the columns
  double column_width = 0;
  double device_top = 0, device_bottom = 0;
  double width = 0, height = 0;
};

// `top`: where the picture may begin. Groups that are not `shown` (CPUs) are left out.
FabricLayout layout_fabric(const GroupedFabric& grouped, std::int64_t nodes_a_column, double top);

}  // namespace supernode
