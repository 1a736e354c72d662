#pragma once
// A fabric small enough to look at: vertices that stand alike are one group, and the links between two groups one bond.

#include <array>
#include <map>
#include <string>
#include <vector>

#include "topology/fabric.hpp"

namespace supernode {

struct VertexGroup {
  VertexKind kind = VertexKind::kSwitch;
  std::string name;                     // of the vertex, or of the tier: "node3.L1", "supernode0.L2"
  std::string tier;                     // "device", "cpu", "nic", or a switch's tier class
  Plane plane = Plane::kLocal;          // of a switch or NIC: that of its links
  int sub_plane = -1;                   // of a switch, where groups are split by it
  int level = 0;                        // hops from a device
  int first_node = -1, last_node = -1;  // of the devices below it
  int supernode = -1;                   // of the first of them
  int size = 0;
};

struct GroupBond {
  int low = 0, high = 0;  // groups; `high` is further from the devices, where they differ
  Plane plane = Plane::kLocal;
  Medium medium = Medium::kCopper;
  std::int64_t links = 0, dead = 0, slow = 0;
  BytesPerSecond bandwidth{};    // as built, one direction
  BytesPerSecond left{};         // without what faults took
  std::array<Bytes, 2> bytes{};  // carried low to high and high to low, of a load

  double load(Seconds time) const {
    return left > BytesPerSecond(0) ? std::max(bytes[0], bytes[1]) / (left * time) : 0;
  }
};

struct GroupOptions {
  bool each_vertex = false;         // no folding
  bool each_device = false;         // devices are not folded
  bool by_sub_plane = false;        // switches of two sub-planes are two groups
  std::int64_t nodes_a_column = 1;  // devices, NICs and CPUs of so many nodes are one group
  int supernode = -1;               // its devices only, and the switches they reach; -1: all
};

struct GroupedFabric {
  std::vector<VertexGroup> groups;
  std::vector<GroupBond> bonds;
  std::int64_t nodes = 0;  // of the devices in it: first_node .. first_node + nodes
  int first_node = 0;
};

// `bytes` carried by each bundle spread over its links by what is left of them.
GroupedFabric group_fabric(const Fabric& fabric, const GroupOptions& options,
                           const std::map<BundleId, Bytes>& bytes = {});

}  // namespace supernode
