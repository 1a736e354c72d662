// From a spec to a cluster: nodes, the scale-up plane of the system's kind, the scale-out plane.
#include <fmt/format.h>

#include <stdexcept>

#include "topology/apply_faults.hpp"
#include "topology/clos_builder.hpp"
#include "topology/cloudmatrix_builder.hpp"
#include "topology/composed_builder.hpp"
#include "topology/connectivity.hpp"
#include "topology/fabric.hpp"
#include "topology/mesh_builder.hpp"
#include "topology/node_builder.hpp"
#include "topology/nvswitch_builder.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

namespace {

void require(bool condition, const SystemSpec& spec, std::string_view what) {
  if (!condition) throw std::invalid_argument(fmt::format("system '{}': {}", spec.name, what));
}

void check_values(const SystemSpec& spec, std::int64_t chips) {
  const BytesPerSecond none{};
  require(chips >= 1, spec, "a cluster needs at least one chip");
  require(spec.chips_per_node >= 1 && spec.nodes_per_supernode >= 1 && spec.devices_per_chip >= 1, spec,
          "chips_per_node, nodes_per_supernode and devices_per_chip must be at least 1");
  const bool composed = spec.kind == FabricKind::kComposed;
  require(composed || spec.scale_up.bandwidth.value > none, spec, "fabric.scale_up.bandwidth must be positive");
  require(composed || spec.kind == FabricKind::kMesh || spec.scale_up.sub_planes.value >= 1, spec,
          "fabric.scale_up.sub_planes must be at least 1");
  require(spec.scale_out.bandwidth.value > none, spec, "fabric.scale_out.bandwidth must be positive");
  require(spec.scale_out.leaf_ports.value >= 2, spec, "fabric.scale_out.leaf_ports must be at least 2");
  require(spec.scale_out.oversubscription.value > 0, spec, "fabric.scale_out.oversubscription must be positive");
  require(spec.devices_per_chip == 1 || spec.die_to_die.value > none, spec,
          "fabric.die_to_die.bandwidth must be positive when a chip has several devices");
  if (spec.kind == FabricKind::kCloudMatrix) {
    require(spec.scale_up.l2_chips_per_plane.value >= 1, spec, "fabric.scale_up.l2_chips_per_plane must be at least 1");
    require(spec.scale_up.l1_uplink.value > none, spec, "fabric.scale_up.l1_uplink must be positive");
  }
}

using ScaleUpBuilder = void (*)(Fabric&, const SystemSpec&, const std::vector<BuiltNode>&);

ScaleUpBuilder scale_up_builder(FabricKind kind) {
  switch (kind) {
    case FabricKind::kCloudMatrix:
      return connect_cloudmatrix;
    case FabricKind::kHgx:
    case FabricKind::kNvl:
      return connect_nvswitch;
    case FabricKind::kMesh:
      return connect_mesh;
    case FabricKind::kComposed:
      return connect_composed;
  }
  throw std::logic_error("unknown fabric kind");
}

std::int64_t nodes_built(const SystemSpec& spec, std::int64_t chips) {
  return cluster_size(spec, chips).nodes + spec.spare_nodes;
}

}  // namespace

ClusterSize cluster_size(const SystemSpec& spec, std::int64_t chips) {
  const std::int64_t nodes = (chips + spec.chips_per_node - 1) / spec.chips_per_node;
  return {.nodes = nodes, .supernodes = (nodes + spec.nodes_per_supernode - 1) / spec.nodes_per_supernode};
}

void check_buildable(const SystemSpec& spec, std::int64_t chips) {
  check_values(spec, chips);
  const std::int64_t nodes = nodes_built(spec, chips);
  if (spec.kind == FabricKind::kComposed) check_layers(spec, chips + spec.spare_nodes * spec.chips_per_node);
  clos_shape(spec, nodes);     // refuses a cluster that is too large for its switches
  healthy_nodes(spec, chips);  // refuses one with too few of them
}

Fabric build_fabric(const SystemSpec& spec, std::int64_t chips) {
  check_buildable(spec, chips);
  const std::int64_t count = nodes_built(spec, chips);
  Fabric fabric;
  NodeBuilder builder(fabric, spec);
  std::vector<BuiltNode> nodes;
  for (std::int64_t i = 0; i < count; ++i) nodes.push_back(builder.add());
  scale_up_builder(spec.kind)(fabric, spec, nodes);
  connect_scale_out(fabric, spec, nodes);
  apply_faults(fabric, spec);
  check_connected(fabric, drained_nodes(spec, count));
  fabric.seal();
  return fabric;
}

}  // namespace supernode
