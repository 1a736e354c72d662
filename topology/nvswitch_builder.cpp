#include "topology/nvswitch_builder.hpp"

#include <fmt/format.h>

namespace supernode {

void connect_nvswitch(Fabric& fabric, const SystemSpec& spec, const std::vector<BuiltNode>& nodes) {
  const std::int64_t switches = spec.scale_up.sub_planes.value;
  LinkSpec link{spec.scale_up.bandwidth.value / static_cast<double>(spec.devices_per_chip * switches),
                spec.scale_up.hop_latency.value, Medium::kCopper, Plane::kScaleUp};
  std::vector<VertexId> chips;
  int supernode = -1;
  for (const BuiltNode& node : nodes) {
    if (node.supernode != supernode) {
      supernode = node.supernode;
      chips.clear();
      const std::string tier = fmt::format("supernode{}.nvswitch", supernode);
      for (std::int64_t i = 0; i < switches; ++i) {
        chips.push_back(fabric.add_vertex(VertexKind::kSwitch, fmt::format("{}.{}", tier, i), tier));
      }
    }
    for (std::size_t i = 0; i < chips.size(); ++i) {
      link.sub_plane = static_cast<int>(i);
      for (const VertexId device : node.devices) fabric.connect(device, chips[i], link);
    }
  }
}

}  // namespace supernode
