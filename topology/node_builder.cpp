#include "topology/node_builder.hpp"

#include <fmt/format.h>

namespace supernode {

NodeBuilder::NodeBuilder(Fabric& fabric, const SystemSpec& spec)
    : fabric_(fabric), spec_(spec), has_vpc_(spec.vpc_bandwidth.value > BytesPerSecond(0)) {
  if (has_vpc_) vpc_switch_ = fabric.add_vertex(VertexKind::kSwitch, "vpc", "cluster.vpc");
}

BuiltNode NodeBuilder::add() {
  BuiltNode node;
  node.index = nodes_++;
  node.supernode = static_cast<int>(node.index / spec_.nodes_per_supernode);
  for (std::int64_t chip = 0; chip < spec_.chips_per_node; ++chip) add_chip(node);
  const std::string tier = fmt::format("node{}.cpu", node.index);
  for (std::int64_t i = 0; i < spec_.cpus_per_node; ++i) {
    node.cpus.push_back(fabric_.add_vertex(VertexKind::kCpu, fmt::format("{}{}", tier, i), tier));
  }
  if (has_vpc_) add_vpc_card(node);
  return node;
}

// A NIC's local links carry what its wire carries, so they are never its bottleneck.
void NodeBuilder::add_chip(BuiltNode& node) {
  const DevicePlace place{.chip = chips_++, .node = node.index, .supernode = node.supernode};
  const LinkSpec to_nic{spec_.scale_out.bandwidth.value, spec_.scale_out.hop_latency.value, Medium::kCopper,
                        Plane::kLocal};
  const LinkSpec to_sibling{spec_.die_to_die.value, spec_.die_to_die_latency.value, Medium::kOnPackage, Plane::kLocal};
  const std::string name = fmt::format("nic{}", place.chip);
  const VertexId nic = fabric_.add_vertex(VertexKind::kNic, name, name);
  const std::size_t first = node.devices.size();
  for (std::int64_t i = 0; i < spec_.devices_per_chip; ++i) {
    const std::int64_t number = place.chip * spec_.devices_per_chip + i;
    const VertexId device = fabric_.vertex(fabric_.add_device(fmt::format("device{}", number), place));
    fabric_.connect(device, nic, to_nic);
    for (std::size_t j = first; j < node.devices.size(); ++j) fabric_.connect(node.devices[j], device, to_sibling);
    node.devices.push_back(device);
  }
  node.nics.push_back(nic);
}

void NodeBuilder::add_vpc_card(const BuiltNode& node) {
  const LinkSpec wire{spec_.vpc_bandwidth.value, spec_.scale_out.hop_latency.value, Medium::kOptical, Plane::kVpc};
  LinkSpec local = wire;
  local.plane = Plane::kLocal;
  local.medium = Medium::kCopper;
  const std::string name = fmt::format("node{}.vpc_card", node.index);
  const VertexId card = fabric_.add_vertex(VertexKind::kNic, name, name);
  for (const VertexId cpu : node.cpus) fabric_.connect(cpu, card, local);
  fabric_.connect(card, vpc_switch_, wire);
}

}  // namespace supernode
