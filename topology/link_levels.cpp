#include "topology/link_levels.hpp"

#include <utility>

namespace supernode {

std::vector<int> link_levels(const Fabric& fabric, const std::vector<LinkView>& links) {
  std::vector<int> level(static_cast<std::size_t>(fabric.vertex_count()), -1);
  for (std::int64_t i = 0; i < fabric.device_count(); ++i) level[fabric.vertex(DeviceId(i)).index] = 0;
  const auto forwards = [&](VertexId v) {
    const VertexKind kind = fabric.vertex_view(v).kind;
    return kind == VertexKind::kSwitch || kind == VertexKind::kNic;
  };
  bool grown = true;
  for (int depth = 0; grown; ++depth) {
    grown = false;
    for (const LinkView& link : links) {
      for (const auto& [low, high] : {std::pair(link.a, link.b), std::pair(link.b, link.a)}) {
        if (level[low.index] != depth || level[high.index] >= 0 || !forwards(high)) continue;
        level[high.index] = depth + 1;
        grown = true;
      }
    }
  }
  return level;
}

}  // namespace supernode
