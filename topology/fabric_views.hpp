#pragma once
// What a Fabric is asked for and answers with, beside bundles and routes.

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/quantity.hpp"
#include "topology/link_spec.hpp"

namespace supernode {

// How a plane picks one of several shortest paths for a flow: sprayed over all of them packet by packet, or hashed onto
// one (ECMP), in which case flows may collide on a link while others idle.
struct Hashing {
  bool ecmp = false;
  int flows = 1;  // a message is cut into so many, each hashed on its own (queue pairs)
  std::uint64_t seed = 0;
};

struct VertexView {
  VertexKind kind = VertexKind::kSwitch;
  std::string_view name, tier;
};

struct LinkView {
  VertexId a, b;
  LinkSpec spec;               // as built
  double share = 1;            // of the bandwidth that is left: 1 healthy, 0 dead
  BundleId forward, backward;  // a to b, b to a
};

// What flows share beyond the bundles they cross: sub-planes never meet, so where they have lost links unevenly a route
// carries less than its narrowest bundle. Flows with equal keys share one limit; each of them crosses these bundles of
// its route, `count` from position `first`.
struct JointLimit {
  std::uint64_t key = 0;
  BytesPerSecond capacity{};
  std::size_t first = 0, count = 0;
};

// A route in pieces that many routes have in common, in travel order: out of the sender's port, between, into the
// receiver's. Valid as long as the fabric.
struct RouteView {
  std::array<std::span<const BundleId>, 3> parts;
  Seconds latency{};
  Plane plane = Plane::kScaleUp;
  std::int64_t paths = 1;

  std::size_t size() const { return parts[0].size() + parts[1].size() + parts[2].size(); }
  bool crosses(BundleId bundle) const {
    const auto has = [&](std::span<const BundleId> part) { return std::ranges::find(part, bundle) != part.end(); };
    return std::ranges::any_of(parts, has);
  }
};

// One link of a hashed flow's path.
struct HashedHop {
  BundleId bundle;
  LinkId link;
};

// The shortest paths between two devices in the full graph, found without tiers or bundles.
struct FullGraphPaths {
  int hops = 0;
  std::int64_t paths = 0;
  // Spraying equally at every vertex: the most loaded link of a bundle over the bundle's mean; 1 when the bundle model
  // is exact.
  double imbalance = 1;
};

// How many of each thing there are.
struct Census {
  std::map<std::string, std::int64_t> vertices;  // "device", "chip" (packages), "cpu", "nic", "switch:<tier class>"
  std::map<std::string, std::int64_t> links;     // duplex links by "<plane>/<medium>"
};

}  // namespace supernode
