#pragma once
// Small fabrics built by hand, so that expected times are plain algebra.

#include <numeric>
#include <string>
#include <vector>

#include "base/quantity.hpp"
#include "calibration/collective_protocol.hpp"
#include "sim/collective_algorithm.hpp"
#include "topology/fabric.hpp"

namespace supernode::test {

using namespace supernode::literals;

inline LinkSpec link(BytesPerSecond bandwidth, Seconds latency, Plane plane = Plane::kScaleUp) {
  return {bandwidth, latency, Medium::kCopper, plane, 0};
}

// n devices around one switch; nodes of 8.
inline Fabric star(int n, BytesPerSecond port, Seconds latency) {
  Fabric fabric;
  const VertexId hub = fabric.add_vertex(VertexKind::kSwitch, "hub", "hub.L1");
  for (int i = 0; i < n; ++i) {
    const DeviceId device = fabric.add_device("d" + std::to_string(i), {i, i / 8, 0});
    fabric.connect(fabric.vertex(device), hub, link(port, latency));
  }
  fabric.seal();
  return fabric;
}

// One supernode of `nodes` × `per_node` devices: a switch a node, all below one spine.
inline Fabric two_tier(int nodes, int per_node, BytesPerSecond port, BytesPerSecond uplink, Seconds latency) {
  Fabric fabric;
  const VertexId spine = fabric.add_vertex(VertexKind::kSwitch, "spine", "spine.L2");
  for (int n = 0; n < nodes; ++n) {
    const std::string name = "n" + std::to_string(n);
    const VertexId leaf = fabric.add_vertex(VertexKind::kSwitch, name + ".leaf", name + ".L1");
    fabric.connect(leaf, spine, link(uplink, latency));
    for (int i = 0; i < per_node; ++i) {
      const DeviceId device = fabric.add_device(name + ".d" + std::to_string(i), {n * per_node + i, n, 0});
      fabric.connect(fabric.vertex(device), leaf, link(port, latency));
    }
  }
  fabric.seal();
  return fabric;
}

// `nodes` supernodes of one node of `per_node` devices each: a scale-up switch a node; a NIC a device, device i of
// every node on rail switch i, rails joined by a spine.
inline Fabric rails(int nodes, int per_node, BytesPerSecond scale_up, BytesPerSecond scale_out, Seconds latency) {
  Fabric fabric;
  const VertexId spine = fabric.add_vertex(VertexKind::kSwitch, "spine", "rdma.spine");
  std::vector<VertexId> rail;
  for (int i = 0; i < per_node; ++i) {
    const std::string name = "rail" + std::to_string(i);
    rail.push_back(fabric.add_vertex(VertexKind::kSwitch, name, name + ".leaf"));
    fabric.connect(rail.back(), spine, link(scale_out * nodes, latency, Plane::kScaleOut));
  }
  for (int n = 0; n < nodes; ++n) {
    const std::string name = "n" + std::to_string(n);
    const VertexId hub = fabric.add_vertex(VertexKind::kSwitch, name + ".hub", name + ".L1");
    for (int i = 0; i < per_node; ++i) {
      const std::string id = name + ".d" + std::to_string(i);
      const DeviceId device = fabric.add_device(id, {n * per_node + i, n, n});
      const VertexId nic = fabric.add_vertex(VertexKind::kNic, id + ".nic", id + ".nic");
      fabric.connect(fabric.vertex(device), hub, link(scale_up, latency));
      fabric.connect(fabric.vertex(device), nic, link(scale_out, Seconds{}, Plane::kLocal));
      fabric.connect(nic, rail[static_cast<std::size_t>(i)], link(scale_out, latency, Plane::kScaleOut));
    }
  }
  fabric.seal();
  return fabric;
}

inline std::vector<DeviceId> devices(int n, int first = 0, int stride = 1) {
  std::vector<DeviceId> members;
  for (int i = 0; i < n; ++i) members.push_back(DeviceId(first + i * stride));
  return members;
}

inline std::vector<Round> rounds_of(const Fabric& fabric, const std::vector<DeviceId>& members,
                                    const std::string& algorithm, const CollectiveCall& call) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  return registry.find(algorithm)->rounds(call, group_shape(fabric, members));
}

inline ProtocolFit fit(Seconds launch, Seconds alpha, double efficiency) {
  ProtocolRegime regime;
  regime.launch.value = launch;
  regime.alpha.value = alpha;
  regime.efficiency.value = efficiency;
  return {.regimes = {regime}};
}

// A library that adds nothing to the fabric.
inline CollectiveProtocol bare_protocol() {
  CollectiveProtocol protocol;
  protocol.fits["scale_up.all_reduce"] = fit({}, {}, 1);
  return protocol;
}

}  // namespace supernode::test
