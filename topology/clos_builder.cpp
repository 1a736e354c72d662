#include "topology/clos_builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace supernode {

namespace {

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// The fewest switches, as a divisor of `links` so that each leaf spreads evenly, that have `needed` ports together.
std::int64_t fewest_switches(std::int64_t links, std::int64_t ports, std::int64_t needed) {
  std::int64_t switches = 1;
  while (links % switches != 0 || switches * ports < needed) ++switches;
  return switches;
}

// Leaves as even as can be: `count` NICs over leaves of at most `capacity`, whole nodes (`step` NICs) where they fit.
std::int64_t even_leaf(std::int64_t count, std::int64_t capacity, std::int64_t step) {
  if (step > capacity) step = 1;
  const std::int64_t units = divide_up(count, step), units_per_leaf = capacity / step;
  return step * divide_up(units, divide_up(units, units_per_leaf));
}

void shape_pods(ClosShape& shape, std::int64_t ports) {
  const std::int64_t half = ports / 2;
  shape.has_core = true;
  const std::int64_t pods_per_rail = divide_up(shape.leaves_per_rail, half);
  shape.leaves_per_pod = divide_up(shape.leaves_per_rail, pods_per_rail);
  shape.pods = shape.rails * pods_per_rail;
  if (shape.pods > ports) {
    throw std::invalid_argument(fmt::format(
        "the scale-out plane needs {} pods, but a core of {}-port switches joins at most {}; raise leaf_ports",
        shape.pods, ports, ports));
  }
  const std::int64_t uplinks = shape.nics_per_leaf;
  shape.spines_per_pod = fewest_switches(uplinks, half, shape.leaves_per_pod * uplinks);
  shape.uplinks_per_spine = shape.leaves_per_pod * uplinks / shape.spines_per_pod;
  shape.cores_per_spine = fewest_switches(shape.uplinks_per_spine, ports, shape.pods * shape.uplinks_per_spine);
}

// The switches of one plane and the links between them.
class ClosBuilder {
 public:
  ClosBuilder(Fabric& fabric, const SystemSpec& spec, std::int64_t nodes)
      : fabric_(fabric),
        shape_(clos_shape(spec, nodes)),
        nic_link_{spec.scale_out.bandwidth.value, spec.scale_out.hop_latency.value, Medium::kOptical, Plane::kScaleOut},
        trunk_(nic_link_) {
    trunk_.bandwidth /= spec.scale_out.oversubscription.value;
    const std::int64_t cores = shape_.has_core ? shape_.spines_per_pod * shape_.cores_per_spine : 0;
    for (std::int64_t i = 0; i < cores; ++i) cores_.push_back(add_switch(fmt::format("core{}", i), "cluster.core"));
  }

  // The leaves of one rail, in pods of their own or under the shared spines.
  void add_rail(std::int64_t rail, const std::vector<VertexId>& nics) {
    std::vector<VertexId> spines;
    for (std::int64_t leaf = 0; leaf < shape_.leaves_per_rail; ++leaf) {
      if (shape_.has_core && leaf % shape_.leaves_per_pod == 0) spines = add_core_pod(rail, leaf);
      const std::string name = fmt::format("rail{}_{}.leaf", rail, leaf);
      const VertexId vertex = add_switch(name, name);
      const std::int64_t first = leaf * shape_.nics_per_leaf;
      const std::int64_t last = std::min<std::int64_t>(first + shape_.nics_per_leaf, std::ssize(nics));
      for (std::int64_t i = first; i < last; ++i) fabric_.connect(nics[i], vertex, nic_link_);
      connect_all(vertex, shape_.has_core ? spines : shared_spines());
    }
  }

 private:
  VertexId add_switch(std::string name, std::string tier) {
    return fabric_.add_vertex(VertexKind::kSwitch, std::move(name), std::move(tier));
  }

  std::vector<VertexId> add_spines(const std::string& tier) {
    std::vector<VertexId> spines;
    for (std::int64_t i = 0; i < shape_.spines_per_pod; ++i)
      spines.push_back(add_switch(fmt::format("{}{}", tier, i), tier));
    return spines;
  }

  const std::vector<VertexId>& shared_spines() {
    if (shared_.empty()) shared_ = add_spines("cluster.spine");
    return shared_;
  }

  // Spine j of each pod reaches group j of the cores.
  std::vector<VertexId> add_core_pod(std::int64_t rail, std::int64_t leaf) {
    const std::vector<VertexId> spines = add_spines(fmt::format("rail{}_{}.spine", rail, leaf));
    const std::int64_t parallel = shape_.uplinks_per_spine / shape_.cores_per_spine;
    for (std::int64_t spine = 0; spine < shape_.spines_per_pod; ++spine) {
      for (std::int64_t i = 0; i < shape_.cores_per_spine * parallel; ++i) {
        fabric_.connect(spines[spine], cores_[spine * shape_.cores_per_spine + i % shape_.cores_per_spine], trunk_);
      }
    }
    return spines;
  }

  void connect_all(VertexId leaf, const std::vector<VertexId>& spines) {
    if (spines.empty()) return;
    for (std::int64_t i = 0; i < shape_.nics_per_leaf; ++i) fabric_.connect(leaf, spines[i % spines.size()], trunk_);
  }

  Fabric& fabric_;
  ClosShape shape_;
  LinkSpec nic_link_, trunk_;
  std::vector<VertexId> cores_, shared_;
};

}  // namespace

ClosShape clos_shape(const SystemSpec& spec, std::int64_t nodes) {
  const std::int64_t ports = spec.scale_out.leaf_ports.value;
  const bool rails = spec.scale_out.rail_optimised;
  ClosShape shape;
  shape.rails = rails ? spec.chips_per_node : 1;
  shape.nics_per_rail = rails ? nodes : nodes * spec.chips_per_node;
  shape.nics_per_leaf = even_leaf(shape.nics_per_rail, ports / 2, rails ? 1 : spec.chips_per_node);
  shape.leaves_per_rail = divide_up(shape.nics_per_rail, shape.nics_per_leaf);
  const std::int64_t leaves = shape.rails * shape.leaves_per_rail;
  if (leaves > ports) {
    shape_pods(shape, ports);
    return shape;
  }
  shape.pods = 1;
  shape.leaves_per_pod = leaves;
  if (leaves > 1) shape.spines_per_pod = fewest_switches(shape.nics_per_leaf, ports, leaves * shape.nics_per_leaf);
  return shape;
}

namespace {

// With rails the NICs of one rail are counted by node, else all NICs of the cluster are.
void set_places(Fabric& fabric, const SystemSpec& spec, const ClosShape& shape, const BuiltNode& node) {
  const bool rails = spec.scale_out.rail_optimised;
  for (std::int64_t i = 0; i < spec.devices_per_node(); ++i) {
    const std::int64_t chip = i / spec.devices_per_chip;
    const std::int64_t nic = rails ? node.index : node.index * spec.chips_per_node + chip;
    const std::int64_t leaf = nic / shape.nics_per_leaf;
    fabric.set_scale_out_place(DeviceId(node.index * spec.devices_per_node() + i), rails ? static_cast<int>(chip) : 0,
                               static_cast<int>(leaf), static_cast<int>(leaf / shape.leaves_per_pod));
  }
}

}  // namespace

void connect_scale_out(Fabric& fabric, const SystemSpec& spec, const std::vector<BuiltNode>& nodes) {
  const ScaleOutSpec& out = spec.scale_out;
  const bool ecmp = out.path_choice == PathChoice::kEcmp;
  fabric.set_hashing(Plane::kScaleOut, {.ecmp = ecmp,
                                        .flows = ecmp ? static_cast<int>(out.ecmp_flows) : 1,
                                        .seed = ecmp ? static_cast<std::uint64_t>(out.ecmp_seed) : 0});
  fabric.set_pxn(out.pxn);
  const ClosShape shape = clos_shape(spec, std::ssize(nodes));
  for (const BuiltNode& node : nodes) set_places(fabric, spec, shape, node);
  ClosBuilder builder(fabric, spec, std::ssize(nodes));
  if (spec.scale_out.rail_optimised) {
    for (std::int64_t rail = 0; rail < spec.chips_per_node; ++rail) {
      std::vector<VertexId> nics;
      for (const BuiltNode& node : nodes) nics.push_back(node.nics[rail]);
      builder.add_rail(rail, nics);
    }
    return;
  }
  std::vector<VertexId> nics;
  for (const BuiltNode& node : nodes) nics.insert(nics.end(), node.nics.begin(), node.nics.end());
  builder.add_rail(0, nics);
}

}  // namespace supernode
