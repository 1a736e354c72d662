#pragma once
// What a cluster is built of, as read from topology/catalog/systems/*.yaml and overridden by a scenario.

#include <cstdint>
#include <string>

#include "base/quantity.hpp"
#include "base/spec_reader.hpp"
#include "topology/fault_spec.hpp"
#include "topology/inventory_spec.hpp"
#include "topology/layer_spec.hpp"

namespace supernode {

enum class FabricKind { kCloudMatrix, kHgx, kNvl, kMesh, kComposed };

// Bandwidths are per chip (package) and direction.
struct ScaleUpSpec {
  Sourced<BytesPerSecond> bandwidth;     // one chip into the plane, all sub-planes or mesh links together
  Sourced<std::int64_t> sub_planes;      // parallel sub-planes (UB: 7; NVSwitch: one per switch chip); unused by a mesh
  Sourced<Seconds> hop_latency;          // device to first switch, or back: one traversal; mesh: device to device
  Sourced<Seconds> second_tier_latency;  // L1 to L2 (CloudMatrix), one traversal; unused by one-tier fabrics
  Sourced<std::int64_t> l2_chips_per_plane;  // CloudMatrix: 16
  Sourced<BytesPerSecond> l1_uplink;         // CloudMatrix: one L1 chip to its L2 plane, 448 GB/s
  Sourced<BytesPerSecond> cpu_bandwidth;     // one CPU socket into the plane; zero when CPUs are not on it
  std::vector<LayerSpec> layers;             // composed only: they say all of the above
};

enum class PathChoice { kSpray, kEcmp };

struct ScaleOutSpec {
  Sourced<BytesPerSecond> bandwidth;            // one chip's NIC, one direction
  Sourced<Seconds> hop_latency;                 // per link, device to NIC included
  Sourced<std::int64_t> leaf_ports;             // ports of a leaf switch; half down, half up
  Sourced<double> oversubscription;             // downlink over uplink bandwidth of a leaf; 1 = non-blocking
  bool rail_optimised = true;                   // chip i of each node on leaf i
  PathChoice path_choice = PathChoice::kSpray;  // adaptive routing (InfiniBand) or hashed flows (RoCE)
  std::int64_t ecmp_flows = 1;                  // flows that a message is cut into
  std::int64_t ecmp_seed = 0;
  bool pxn = false;  // to another rail: over NVLink to the node's chip on that rail, then its NIC (NCCL's PXN)
};

struct SystemSpec {
  std::string name;
  std::string chip;  // a name in calibration's chip catalogue
  FabricKind kind = FabricKind::kHgx;
  std::int64_t chips_per_node = 8;
  std::int64_t cpus_per_node = 2;
  std::int64_t nodes_per_supernode = 1;
  std::int64_t devices_per_chip = 1;   // ranks a chip hosts: 2 on a 910C (one per die), 1 on an Nvidia package
  Sourced<BytesPerSecond> die_to_die;  // between sibling devices of one chip; zero when devices_per_chip = 1
  Sourced<Seconds> die_to_die_latency;
  ScaleUpSpec scale_up;
  ScaleOutSpec scale_out;
  Sourced<BytesPerSecond> vpc_bandwidth;   // per node; zero = not modelled
  Sourced<BytesPerSecond> host_bandwidth;  // one chip from CPU memory, or to it: what offloading runs over
  std::int64_t spare_nodes = 0;            // stand ready for nodes with a dead chip
  FaultSpec faults;
  InventorySpec inventory;

  std::int64_t chips_per_supernode() const { return chips_per_node * nodes_per_supernode; }
  std::int64_t devices_per_node() const { return chips_per_node * devices_per_chip; }
  std::int64_t devices_per_supernode() const { return chips_per_supernode() * devices_per_chip; }
};

// Reads a system from its YAML map (reports into the reader's diagnostics), or documents its fields.
void bind(SystemSpec& spec, SpecReader& reader);

// How many whole nodes and supernodes hold `chips` chips; the last supernode may be partly filled.
struct ClusterSize {
  std::int64_t nodes = 0, supernodes = 0;
};
ClusterSize cluster_size(const SystemSpec& spec, std::int64_t chips);

// The cluster of `chips` chips: as many whole nodes as hold them. A partly filled supernode has all its second-tier
// switches. Devices are numbered chip by chip, node by node. Throws as check_buildable does.
class Fabric;
Fabric build_fabric(const SystemSpec& spec, std::int64_t chips);

// Throws std::invalid_argument, saying why, when the spec cannot be built for so many chips. Builds nothing.
void check_buildable(const SystemSpec& spec, std::int64_t chips);

}  // namespace supernode
