#include "topology/mesh_builder.hpp"

namespace supernode {

void connect_mesh(Fabric& fabric, const SystemSpec& spec, const std::vector<BuiltNode>& nodes) {
  const std::int64_t per_chip = spec.devices_per_chip;
  const std::int64_t peers = per_chip * (spec.chips_per_node - 1);
  if (peers == 0) return;
  const LinkSpec link{spec.scale_up.bandwidth.value / static_cast<double>(per_chip * peers),
                      spec.scale_up.hop_latency.value, Medium::kCopper, Plane::kScaleUp};
  for (const BuiltNode& node : nodes) {
    const auto devices = std::ssize(node.devices);
    for (std::int64_t a = 0; a < devices; ++a) {
      const std::int64_t next_chip = (a / per_chip + 1) * per_chip;
      for (std::int64_t b = next_chip; b < devices; ++b) fabric.connect(node.devices[a], node.devices[b], link);
    }
  }
}

}  // namespace supernode
