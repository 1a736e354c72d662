#pragma once
// The inside of a Fabric, shared by its sources only: the full graph in Boost.Graph, and the quotient graph of tiers
// and bundles that routes are found on.

#include <boost/graph/adjacency_list.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "topology/fabric.hpp"
#include "topology/lanes.hpp"
#include "topology/route_stems.hpp"

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
  LinkId id;
};

// Links in a list: an edge's descriptor points to it, and stays good while more are added.
using FabricGraph = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, FabricVertex, FabricLink,
                                          boost::no_property, boost::listS>;

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
  bool relays = false;  // devices forward
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
  bool pxn = false;
  bool sealed = false;

  // Of a degraded fabric only.
  bool degraded = false;
  std::vector<std::string> fault_notes;
  std::optional<Lanes> lanes;
  std::map<Plane, std::vector<DeviceId>> relays;  // by device: who forwards for it into the plane; itself when it need
                                                  // not, invalid when nobody can
  std::map<Plane, std::vector<int>> users;        // by device: for how many it forwards, itself included
  std::vector<std::int32_t> colours;              // by device
  mutable std::unordered_map<std::int64_t, double> gather_limits;
  mutable std::unordered_map<DeviceId, std::vector<DeviceId>> ways_outside;

  mutable TierWave forward, backward;
  mutable int stamp = 0;
  mutable std::unordered_map<std::uint64_t, Route> routes;
  mutable std::optional<RouteStems> stems_up, stems_out;  // once asked for

  int tier_of(VertexId vertex) const { return graph[vertex.index].tier; }
  int tier_of(DeviceId device) const { return tier_of(devices[device.index]); }
  const Bundle& bundle(BundleId id) const { return bundles[id.index]; }
  bool alive(BundleId id) const { return bundle(id).bandwidth > BytesPerSecond(0); }
  static BundleId opposite(BundleId id) { return BundleId(id.index ^ 1); }

  int intern_tier(VertexKind kind, const std::string& name);
  void build_bundles();
  void check_uniform() const;
  void count_devices_below();

  // The bundle between two tiers that a route over `plane` may use, or null.
  const TierEdge* direct_link(int from, int to, Plane plane) const;
  // Sets what a degraded fabric has (degraded_fabric.cpp).
  void build_lanes();
  void choose_relays();
  void colour_devices();
  class FaultMarks;
  // The other devices of its chip that a live die-to-die link leads to.
  std::vector<DeviceId> siblings(DeviceId device) const;
  DeviceId relay_of(DeviceId device, Plane plane) const;
  std::int64_t relayed_by(DeviceId device, Plane plane) const;  // devices that use its port, itself included
  // Routes around faults (detours.cpp); no bundles when there is none.
  Route inside_route(DeviceId from, DeviceId to) const;
  Route outside_route(DeviceId from, DeviceId to) const;
  Route detour(DeviceId from, DeviceId to) const;
  std::string not_connected(DeviceId from, DeviceId to) const;
  double gather_limit(BundleId id, bool onward) const;  // B/s (joint_limits.cpp)
  std::vector<int> levels(Plane plane) const;

  // Of one supernode and one block of the grid, so that devices lead from one to the other by dimensions.
  bool same_block(DeviceId a, DeviceId b) const;
  // Dimension-order: the devices passed, both ends included (grid_routes.cpp).
  std::vector<DeviceId> dimension_order(DeviceId from, DeviceId to) const;
  // Routes that the structure gives without a search (grid_routes.cpp, pxn_route.cpp, route_stems.cpp). No bundles when
  // it gives none or a link of it is dead.
  Route grid_route(DeviceId from, DeviceId to) const;
  Route pxn_route(DeviceId from, DeviceId to) const;
  RouteView stem_route(Plane plane, DeviceId from, DeviceId to) const;
  Plane route_plane(DeviceId from, DeviceId to) const;  // that a route should use
  // The shortest route over one plane by search, or no bundles when there is none. `relays`: devices forward.
  Route search_route(Plane plane, DeviceId from, DeviceId to, bool relays) const;
  // The route over one plane, by structure or by search, or no bundles when there is none (grid_routes.cpp).
  Route find_route(Plane plane, DeviceId from, DeviceId to) const;

 private:
  std::vector<TierEdge> onward(int tier, Plane plane) const;
  RouteStem stem_of(DeviceId device, Plane plane) const;
  RouteStems find_stems(Plane plane) const;
  RouteStems& stems_of(Plane plane) const;
  RouteMiddle find_middle(Plane plane, DeviceId from, DeviceId to, int out, int in) const;
  const RouteMiddle& middle_of(Plane plane, DeviceId from, DeviceId to) const;
  double gathered(BundleId id, bool onward) const;
  bool attached(DeviceId device, Plane plane) const;
  std::vector<DeviceId> ways_into(DeviceId device, Plane plane) const;
  const std::vector<DeviceId>& ways_out(DeviceId device) const;
  Route outside_route(DeviceId from, DeviceId to, DeviceId out, DeviceId in) const;
  void drop_if_cut(Route& route) const;
  DeviceId find_relay(DeviceId device, Plane plane) const;
  std::set<int> places_apart(int DevicePlace::*place) const;
  BundleId bundle_between(int from, int to, const FabricLink& link, std::unordered_map<std::uint64_t, BundleId>& index);
  std::vector<int> devices_under(Plane plane) const;
  void start(TierWave& wave, int tier, bool relays) const;
  bool forwards(const TierWave& wave, int tier) const;
  void expand(TierWave& wave, Plane plane, bool backwards) const;
  void reach(TierWave& wave, int from, int to, BundleId via, bool backwards) const;
  Route meet(int from, int to) const;
};

}  // namespace supernode
