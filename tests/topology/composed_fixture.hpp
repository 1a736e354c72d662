// Systems composed of layers, from YAML as a user writes it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/topology/system_fixture.hpp"

namespace supernode {

// `layers` is the text of the list, one "- {...}" a line.
inline std::string composed_yaml(const std::string& layers, int chips_per_node, int nodes_per_supernode) {
  std::string indented;
  for (std::size_t begin = 0; begin < layers.size();) {
    const std::size_t end = std::min(layers.find('\n', begin), layers.size());
    indented += "      " + layers.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return fmt::format(R"(name: made-up
chip: none
kind: composed
chips_per_node: {}
cpus_per_node: 0
nodes_per_supernode: {}
host_bandwidth: 64 GB/s
fabric:
  scale_up:
    layers:
{}  scale_out: {{bandwidth: 400 Gbps, hop_latency: 0.25 us, leaf_ports: 64, oversubscription: 1}}
)",
                     chips_per_node, nodes_per_supernode, indented);
}

inline SystemSpec bind_system(const std::string& text, Diagnostics& diagnostics) {
  const YamlNode root = parse_yaml(std::make_shared<const SourceFile>(SourceFile{"system.yaml", text}), diagnostics);
  SystemSpec spec;
  SpecReader reader(root, "system", diagnostics);
  bind(spec, reader);
  reader.finish();
  return spec;
}

inline SystemSpec composed(const std::string& layers, int chips_per_node, int nodes_per_supernode = 1) {
  Diagnostics diagnostics;
  SystemSpec spec = bind_system(composed_yaml(layers, chips_per_node, nodes_per_supernode), diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  return spec;
}

// All of one supernode.
inline Fabric build_whole(const SystemSpec& spec) { return build_fabric(spec, spec.chips_per_supernode()); }

inline Fabric build_composed(const std::string& layers, int devices) { return build_whole(composed(layers, devices)); }

// One direction, over the links of the scale-up plane between devices below `cut` (with what hangs on them) and the
// rest: `side` tells which side a vertex is on.
template <class Side>
double cut_bandwidth(const Fabric& fabric, Side side) {
  double sum = 0;
  for (std::int64_t i = 0; i < fabric.link_count(); ++i) {
    const LinkView link = fabric.link(LinkId(i));
    if (link.spec.plane == Plane::kScaleUp && side(fabric.vertex_view(link.a)) != side(fabric.vertex_view(link.b)))
      sum += link.spec.bandwidth.value();
  }
  return sum;
}

}  // namespace supernode
