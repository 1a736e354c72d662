#include "topology/cloudmatrix_builder.hpp"

#include <fmt/format.h>

namespace supernode {

namespace {

using Chips = std::vector<VertexId>;

// The L2 chips of one supernode by sub-plane.
std::vector<Chips> add_second_tier(Fabric& fabric, const ScaleUpSpec& spec, int supernode) {
  std::vector<Chips> planes(static_cast<std::size_t>(spec.sub_planes.value));
  const std::string tier = fmt::format("supernode{}.L2", supernode);
  for (std::size_t plane = 0; plane < planes.size(); ++plane) {
    for (std::int64_t i = 0; i < spec.l2_chips_per_plane.value; ++i) {
      planes[plane].push_back(fabric.add_vertex(VertexKind::kSwitch, fmt::format("{}.{}.{}", tier, plane, i), tier));
    }
  }
  return planes;
}

void connect_node(Fabric& fabric, const SystemSpec& spec, const BuiltNode& node,
                  const std::vector<Chips>& second_tier) {
  const ScaleUpSpec& up = spec.scale_up;
  const auto planes = static_cast<double>(up.sub_planes.value);
  const std::string tier = fmt::format("node{}.L1", node.index);
  LinkSpec to_device{up.bandwidth.value / (static_cast<double>(spec.devices_per_chip) * planes), up.hop_latency.value,
                     Medium::kCopper, Plane::kScaleUp};
  LinkSpec to_cpu{up.cpu_bandwidth.value / planes, up.hop_latency.value, Medium::kCopper, Plane::kScaleUp};
  LinkSpec uplink{up.l1_uplink.value / static_cast<double>(up.l2_chips_per_plane.value), up.second_tier_latency.value,
                  Medium::kOptical, Plane::kScaleUp};
  for (std::size_t plane = 0; plane < second_tier.size(); ++plane) {
    to_device.sub_plane = to_cpu.sub_plane = uplink.sub_plane = static_cast<int>(plane);
    const VertexId l1 = fabric.add_vertex(VertexKind::kSwitch, fmt::format("{}.{}", tier, plane), tier);
    for (const VertexId device : node.devices) fabric.connect(device, l1, to_device);
    if (to_cpu.bandwidth > BytesPerSecond(0)) {
      for (const VertexId cpu : node.cpus) fabric.connect(cpu, l1, to_cpu);
    }
    for (const VertexId l2 : second_tier[plane]) fabric.connect(l1, l2, uplink);
  }
}

}  // namespace

void connect_cloudmatrix(Fabric& fabric, const SystemSpec& spec, const std::vector<BuiltNode>& nodes) {
  std::vector<Chips> second_tier;
  int supernode = -1;
  for (const BuiltNode& node : nodes) {
    if (node.supernode != supernode) {
      supernode = node.supernode;
      second_tier = add_second_tier(fabric, spec.scale_up, supernode);
    }
    connect_node(fabric, spec, node, second_tier);
  }
}

}  // namespace supernode
