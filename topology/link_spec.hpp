#pragma once
// The vocabulary of the fabric graph: what a vertex is, what a link is made of and which network it belongs to.

#include <string_view>

#include "base/quantity.hpp"

namespace supernode {

// NICs and switches forward. A device does on a grid (topology/grid.hpp), and for the sibling die of its chip when that
// one has lost its ports; a CPU never does.
enum class VertexKind { kDevice, kCpu, kNic, kSwitch };
enum class Medium { kOnPackage, kCopper, kOptical };
// kScaleUp: UB, NVLink. kScaleOut: RDMA. kVpc: the management/storage network. kLocal: die to die in one package,
// device to its own NIC, CPU to the node's VPC card; a route in any plane may use it.
enum class Plane { kLocal, kScaleUp, kScaleOut, kVpc };

std::string_view to_string(VertexKind kind);
std::string_view to_string(Medium medium);
std::string_view to_string(Plane plane);

struct LinkSpec {
  BytesPerSecond bandwidth{};  // per direction
  Seconds latency{};           // per traversal, the far switch's forwarding included
  Medium medium = Medium::kCopper;
  Plane plane = Plane::kScaleUp;
  int sub_plane = 0;  // which of the plane's parallel sub-planes
};

}  // namespace supernode
