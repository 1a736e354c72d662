#pragma once
// The inside of a Fabric, shared by its sources only: the full graph in Boost.Graph, and the quotient graph of tiers
// and bundles that routes are found on.

#include <boost/graph/adjacency_list.hpp>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "topology/fabric.hpp"

namespace supernode {

struct FabricVertex {
  VertexKind kind = VertexKind::kSwitch;
  int tier = 0;
  std::string name;
};

struct FabricLink {
  LinkSpec spec;
  double share = 1;            // of the bandwidth that is left
  int from = 0, to = 0;        // vertices, in the direction of `forward`
  BundleId forward, backward;  // set by seal()
};

using FabricGraph = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, FabricVertex, FabricLink,
                                          boost::no_property, boost::vecS>;

// A bundle as seen from the tier it leaves.
struct TierEdge {
  int to = 0;
  BundleId bundle;
};

// Invariant: every vertex of a tier has the same kind and the same number of links in each bundle.
struct FabricTier {
  std::string name;
  VertexKind kind = VertexKind::kSwitch;
  int size = 0;
  std::vector<TierEdge> edges;

  bool endpoint() const { return kind == VertexKind::kDevice || kind == VertexKind::kCpu; }
};

inline bool usable(Plane link, Plane route) { return link == route || link == Plane::kLocal; }

// Breadth-first over tiers from one end of a route. Scratch is kept between searches; a stamp tells which entries
// belong to the current one.
struct TierWave {
  struct Reached {
    int stamp = 0, depth = 0, previous = -1;
    BundleId via;            // between `previous` and this tier, in the direction of travel
    double latency = 0;      // of the fastest way found, s
    std::int64_t paths = 0;  // to one vertex of the tier, over ways of that latency
  };
  std::vector<Reached> reached;
  std::vector<int> frontier, next;
  int depth = 0;
};

struct Fabric::Impl {
  FabricGraph graph;
  std::vector<FabricTier> tiers;
  std::unordered_map<std::string, int> tier_index;
  std::vector<VertexId> devices;
  std::vector<DevicePlace> places;
  std::vector<Bundle> bundles;                      // the two directions stand side by side: 2k and 2k+1
  std::vector<std::pair<int, int>> bundle_ends;     // tiers it leaves and enters
  std::vector<FabricGraph::edge_descriptor> links;  // by LinkId
  Grid grid;
  std::map<Plane, Hashing> hashing;
  bool degraded = false;
  bool sealed = false;

  mutable TierWave forward, backward;
  mutable int stamp = 0;
  mutable std::unordered_map<std::uint64_t, Route> routes;

  int tier_of(VertexId vertex) const { return graph[vertex.index].tier; }
  int tier_of(DeviceId device) const { return tier_of(devices[device.index]); }
  const Bundle& bundle(BundleId id) const { return bundles[id.index]; }
  static BundleId opposite(BundleId id) { return BundleId(id.index ^ 1); }

  int intern_tier(VertexKind kind, const std::string& name);
  void build_bundles();
  void check_uniform() const;
  void count_devices_below();

  // The bundle between two tiers that a route over `plane` may use, or null.
  const TierEdge* direct_link(int from, int to, Plane plane) const;
  // The route over one plane, or no bundles when there is none.
  Route find_route(Plane plane, DeviceId from, DeviceId to) const;

 private:
  BundleId bundle_between(int from, int to, const FabricLink& link, std::unordered_map<std::uint64_t, BundleId>& index);
  std::vector<int> levels(Plane plane) const;
  std::vector<int> devices_under(Plane plane) const;
  void start(TierWave& wave, int tier) const;
  void expand(TierWave& wave, Plane plane, bool backwards) const;
  void reach(TierWave& wave, int from, int to, BundleId via, bool backwards) const;
  Route meet(int from, int to) const;
};

}  // namespace supernode
