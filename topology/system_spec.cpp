// The YAML layout of a system.
#include "topology/system_spec.hpp"

#include "topology/composed_builder.hpp"

namespace supernode {

namespace {

constexpr Choice<FabricKind> kKinds[] = {{"cloudmatrix", FabricKind::kCloudMatrix},
                                         {"hgx", FabricKind::kHgx},
                                         {"nvl", FabricKind::kNvl},
                                         {"mesh", FabricKind::kMesh},
                                         {"composed", FabricKind::kComposed}};

constexpr Choice<PathChoice> kPathChoices[] = {{"spray", PathChoice::kSpray}, {"ecmp", PathChoice::kEcmp}};

constexpr IntegerRange kCount{.min = 1, .max = 4096};

void bind_die_to_die(SystemSpec& spec, SpecReader& r) {
  r.sourced({"bandwidth", "between two devices of one chip, per direction", kRequired}, spec.die_to_die);
  r.sourced({"latency", "between two devices of one chip", kRequired}, spec.die_to_die_latency, true);
}

void bind_second_tier(ScaleUpSpec& up, SpecReader& r) {
  r.sourced({"second_tier_latency", "first switch tier to second, one traversal (cloudmatrix)", kRequired},
            up.second_tier_latency, true);
  r.sourced_integer({"l2_chips_per_plane", "second-tier switch chips of one sub-plane (cloudmatrix)", kRequired},
                    up.l2_chips_per_plane, kCount);
  r.sourced({"l1_uplink", "one first-tier switch chip into the second tier, per direction (cloudmatrix)", kRequired},
            up.l1_uplink);
  r.sourced({"cpu_bandwidth", "one CPU socket into the plane, per direction; 0 when CPUs are not on it (cloudmatrix)",
             kRequired},
            up.cpu_bandwidth, true);
}

void bind_scale_up(SystemSpec& spec, SpecReader& r) {
  ScaleUpSpec& up = spec.scale_up;
  const bool composed = spec.kind == FabricKind::kComposed;
  if (r.documenting() || composed) bind_layers(up.layers, r, "layers");
  if (!r.documenting() && composed) return;
  r.sourced({"bandwidth", "one chip into the scale-up plane, all sub-planes or mesh links together, per direction",
             kRequired},
            up.bandwidth);
  if (r.documenting() || spec.kind != FabricKind::kMesh) {
    r.sourced_integer(
        {"sub_planes", "parallel sub-planes a chip spreads over (UB: 7; NVLink: one per switch chip; none in a mesh)",
         kRequired},
        up.sub_planes, kCount);
  }
  r.sourced({"hop_latency",
             "device to first switch, or back: one traversal, the switch included; mesh: device to device", kRequired},
            up.hop_latency, true);
  if (r.documenting() || spec.kind == FabricKind::kCloudMatrix) bind_second_tier(up, r);
}

void bind_scale_out(ScaleOutSpec& out, SpecReader& r) {
  r.sourced({"bandwidth", "one chip's NIC, per direction", kRequired}, out.bandwidth);
  r.sourced({"hop_latency", "per link, the next switch or NIC included", kRequired}, out.hop_latency, true);
  r.sourced_integer({"leaf_ports", "ports of a switch; half of a leaf's go down", kRequired}, out.leaf_ports,
                    {.min = 2, .max = 4096});
  r.sourced_number({"oversubscription", "downlink over uplink bandwidth of a leaf; 1 is non-blocking", kRequired},
                   out.oversubscription, {.min = 0.01, .max = 1000});
  r.boolean({"rail_optimised", "chip i of each node on a leaf of rail i"}, out.rail_optimised);
  r.choice<PathChoice>(
      {"path_choice", "spray: adaptive over all paths (InfiniBand); ecmp: flows hashed onto one (RoCE)"},
      out.path_choice, kPathChoices);
  r.integer({"ecmp_flows", "flows that a message is cut into, each hashed on its own"}, out.ecmp_flows,
            {.min = 1, .max = 1024});
  r.integer({"ecmp_seed", "which draw of the hash"}, out.ecmp_seed, {.min = 0});
  r.boolean({"pxn", "traffic to another rail goes over the node's chip on that rail (NCCL's PXN)"}, out.pxn);
  if (out.pxn && !out.rail_optimised) r.error("pxn", "without rail_optimised there are no rails to cross");
}

void bind_fabric(SystemSpec& spec, SpecReader& r) {
  if (r.documenting() || spec.devices_per_chip > 1) {
    r.object({"die_to_die", "inside a chip that hosts several devices", kRequired},
             [&](SpecReader& inner) { bind_die_to_die(spec, inner); });
  }
  r.object({"scale_up", "the plane inside a supernode (UB, NVLink)", kRequired},
           [&](SpecReader& inner) { bind_scale_up(spec, inner); });
  r.object({"scale_out", "the plane between supernodes (RDMA)", kRequired},
           [&](SpecReader& inner) { bind_scale_out(spec.scale_out, inner); });
  r.object({"vpc", "the management and storage network"}, [&](SpecReader& inner) {
    inner.sourced({"bandwidth", "one node, per direction; 0 when not modelled", kRequired}, spec.vpc_bandwidth, true);
  });
}

}  // namespace

void bind(SystemSpec& spec, SpecReader& r) {
  r.text({"name", "the system's name in the catalogue", kRequired}, spec.name);
  r.text({"chip", "the chip it is built of, a name in the chip catalogue", kRequired}, spec.chip);
  r.choice<FabricKind>({"kind", "which builder lays out the scale-up plane", kRequired}, spec.kind, kKinds);
  r.integer({"devices_per_chip", "ranks a chip hosts: 2 on a 910C (one a die), 1 on an Nvidia package"},
            spec.devices_per_chip, {.min = 1, .max = 16});
  r.integer({"chips_per_node", "chips in one server or tray", kRequired}, spec.chips_per_node, {.min = 1, .max = 1024});
  r.integer({"cpus_per_node", "CPU sockets in one server or tray"}, spec.cpus_per_node, {.min = 0, .max = 64});
  r.integer({"nodes_per_supernode", "servers or trays in one scale-up domain"}, spec.nodes_per_supernode, kCount);
  const bool in_node = spec.kind == FabricKind::kHgx || spec.kind == FabricKind::kMesh;
  if (in_node && spec.nodes_per_supernode != 1) {
    r.error("nodes_per_supernode", "an hgx or mesh domain is one node; use kind nvl for a domain across nodes");
  }
  r.sourced(
      {"host_bandwidth", "one chip from CPU memory, or to it (PCIe, NVLink-C2C): what offloading runs over", kRequired},
      spec.host_bandwidth);
  r.object({"fabric", "the interconnect", kRequired}, [&](SpecReader& inner) { bind_fabric(spec, inner); });
  if (spec.kind == FabricKind::kComposed) derive_scale_up(spec);
  r.integer({"spare_nodes", "nodes that stand ready for those with a dead chip"}, spec.spare_nodes,
            {.min = 0, .max = 100000});
  r.object({"faults", "what is broken"}, [&](SpecReader& inner) { bind(spec.faults, inner); });
  r.object({"inventory", "racks, watts, kilograms, dollars"}, [&](SpecReader& inner) { bind(spec.inventory, inner); });
}

}  // namespace supernode
