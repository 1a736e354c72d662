#pragma once
// What a fabric can do: injection, bisection, distances, path diversity and oversubscription of each plane. The
// scale-up plane is measured on one supernode, the scale-out plane on the whole cluster. Definitions:
// docs/models/fabric.md, section Census.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "topology/fabric.hpp"

namespace supernode {

// Halves in order: of the supernodes, else of the nodes, else of the devices. One direction.
struct Bisection {
  std::string halves;                      // "24 nodes | 24 nodes"
  BytesPerSecond structure{};              // of the folded graph (topology/folded_flow.hpp)
  std::optional<BytesPerSecond> max_flow;  // of the full graph; nothing when it is too large for that
  BytesPerSecond full{};                   // what the smaller half can inject

  BytesPerSecond bandwidth() const { return max_flow.value_or(structure); }
};

// Over ordered pairs of devices.
struct Distances {
  std::int64_t pairs = 0, cut_off = 0;  // looked at; of them, without a route
  bool sampled = false;                 // evenly spread, not all of them
  int diameter = 0;                     // links of the longest route
  double mean_hops = 0;
  std::int64_t paths_min = 0, paths_median = 0;  // equal-cost shortest paths of a pair
  Seconds latency_min{}, latency_max{};
};

// The switches of one tier class: what their links carry towards the devices and away from them.
struct TierLoad {
  std::string tier;
  int level = 0;  // hops from a device
  BytesPerSecond down{}, up{};
  double oversubscription() const { return down / up; }
};

struct PlaneMetrics {
  Plane plane = Plane::kScaleUp;
  std::string scope;                                   // "supernode 0"; "the cluster"
  std::int64_t devices = 0;                            // in it
  BytesPerSecond port_min{}, port_max{}, injection{};  // of one device; of all of them
  Bisection bisection;
  Distances distances;
  std::vector<TierLoad> tiers;  // with links up, from the devices upwards
};

struct MetricsOptions {
  std::int64_t max_pairs = 20000;        // beyond them pairs are sampled
  std::int64_t max_flow_links = 150000;  // no maximum flow of a larger full graph
};

// The scale-up and the scale-out plane, where the fabric has them and more than one device.
std::vector<PlaneMetrics> measure_fabric(const Fabric& fabric, const MetricsOptions& options = {});

}  // namespace supernode
