#pragma once
// Routes by structure. Most devices have one way into a plane: a port to a switch tier, or through a NIC to one. Two
// devices with equal such stems (same tier, latencies and numbers of links) have the same routes but for the stem, so
// one search serves all pairs of two sorts of stems: 2,304 of them for the 147,072 pairs of a CloudMatrix 384.
//
// Of healthy fabrics without device forwarding only. Test: RouteView.* in tests/topology/route_view_test.cpp.

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "topology/fabric_views.hpp"

namespace supernode {

// A device's only way into a plane, up to the tier where it meets others.
struct RouteStem {
  std::array<BundleId, 2> up, down;  // in travel order
  int count = 0;                     // bundles of it; 0: the device has no stem
  std::int32_t sort = -1;            // equal for stems that lead alike to one tier
  int nic = -1;                      // the tier passed, where it has two bundles
  int dead_end = -1;                 // the tier beside the stem that leads to devices only

  // Whether the shortest way between the two leads through what both stems end in.
  bool apart(const RouteStem& other) const {
    const bool meet = (nic >= 0 && nic == other.nic) || (dead_end >= 0 && dead_end == other.dead_end);
    return count > 0 && other.count > 0 && !meet;
  }
};

// What the routes between two sorts of stems have in common.
struct RouteMiddle {
  std::vector<BundleId> bundles;
  Seconds latency{};  // stems included, as all below
  Plane plane = Plane::kScaleUp;
  std::int64_t paths = 1;
};

// The stems of one plane.
struct RouteStems {
  std::vector<RouteStem> of;  // by device
  std::int32_t sorts = 0;
  std::unordered_map<std::uint64_t, RouteMiddle> middles;  // by the two sorts
  std::vector<const RouteMiddle*> table;                   // the same by from · sorts + to, where these are few
};

}  // namespace supernode
