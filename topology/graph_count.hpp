#pragma once
// What a fabric's graph is made of, counted vertex by vertex and link by link.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "topology/fabric.hpp"

namespace supernode {

struct SwitchCount {
  std::int64_t chips = 0;
  std::set<int> sub_planes;  // that its links belong to
};

struct LinkCount {
  std::int64_t links = 0;      // duplex
  BytesPerSecond bandwidth{};  // sum, one direction, as built
  BytesPerSecond left{};       // of it without what faults took
  std::int64_t dead = 0, slow = 0;
};

// The kind of a vertex in words: "device", "cpu", "nic", or a switch's tier class ("L1", "leaf").
std::string vertex_class(const VertexView& vertex);

struct GraphCount {
  std::int64_t devices = 0, chips = 0, nodes = 0, supernodes = 0, cpus = 0;
  std::map<Plane, std::int64_t> nics;  // by the plane that their wire is of
  std::map<std::pair<Plane, std::string>, SwitchCount> switches;
  std::map<std::pair<Plane, Medium>, LinkCount> links;
  // Optical links by the classes of their ends, the lower first: {scale_out, "nic-leaf"}.
  std::map<std::pair<Plane, std::string>, LinkCount> optical;

  std::int64_t links_of(Plane plane, Medium medium) const;
};

GraphCount count_graph(const Fabric& fabric);

}  // namespace supernode
