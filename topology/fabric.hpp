#pragma once
// The fabric: a graph of devices, CPUs, NICs and switch chips joined by links, each with bandwidth per direction,
// latency, medium and plane. Builders (topology/*_builder) make one from a SystemSpec. Equations:
// docs/models/fabric.md.
//
// Traffic between two devices is sprayed (or hashed) over parallel links that lead to equivalent places: the seven UB
// sub-planes of a die, the spines above a leaf. Each vertex belongs to a `tier` of such equivalent vertices (the 7 L1
// chips of one node; all 112 L2 chips), and the parallel links from one tier to the next form a directed Bundle whose
// bandwidth is their sum. A Route is the shortest sequence of bundles. Invariant (tested against the full graph): on
// every shortest-path DAG, equal-cost spraying loads each link of a bundle equally.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/quantity.hpp"
#include "topology/grid.hpp"
#include "topology/link_spec.hpp"

namespace supernode {

// Where a device sits. Indices count over the whole cluster.
struct DevicePlace {
  int chip = 0, node = 0, supernode = 0;
  // On the scale-out plane: the rail (or 0), the leaf of that rail, the pod of leaves; set by connect_scale_out.
  int rail = 0, leaf = 0, pod = 0;
};

struct Bundle {
  BytesPerSecond bandwidth{};  // sum of what its links still carry, one direction
  BytesPerSecond nominal{};    // without faults
  Seconds latency{};
  Plane plane = Plane::kScaleUp;
  int links = 0;          // how many parallel links it sums, dead ones included
  int devices_below = 0;  // devices whose traffic passes it on the way up or down (1 for a device's own port)
};

struct Route {
  std::vector<BundleId> bundles;  // in travel order
  Seconds latency{};              // sum over the bundles
  Plane plane = Plane::kScaleUp;  // the highest plane it uses
  std::int64_t paths = 1;         // equal-cost shortest paths in the full graph (its path diversity)
};

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
// carries less than its narrowest bundle. Flows with equal keys share one limit.
struct JointLimit {
  std::uint64_t key = 0;
  BytesPerSecond capacity{};
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

class Fabric {
 public:
  Fabric();
  ~Fabric();
  Fabric(Fabric&&) noexcept;
  Fabric& operator=(Fabric&&) noexcept;

  // --- building -------------------------------------------------------------------------------------------------
  // `tier`: equivalent vertices share it, e.g. "node3.L1"; its part after the last '.' is the tier class of the
  // census. Devices must be alone in their tier.
  VertexId add_vertex(VertexKind kind, std::string name, std::string tier);
  DeviceId add_device(std::string name, DevicePlace place);
  LinkId connect(VertexId a, VertexId b, const LinkSpec& spec);  // duplex
  VertexId vertex(DeviceId device) const;
  void set_share(LinkId link, double share);  // a fault: what is left of the bandwidth, 0 to 1
  void set_grid(const Grid& grid);            // of every supernode's scale-up plane
  void set_hashing(Plane plane, const Hashing& hashing);
  // Computes tiers and bundles; call once, after the last connect. Asserts that bundles are uniform.
  void seal();

  // --- asking ---------------------------------------------------------------------------------------------------
  std::int64_t device_count() const;
  std::int64_t vertex_count() const;
  std::int64_t link_count() const;  // duplex
  const DevicePlace& place(DeviceId device) const;
  void set_scale_out_place(DeviceId device, int rail, int leaf, int pod);
  const Bundle& bundle(BundleId id) const;
  std::string bundle_name(BundleId id) const;  // "node3.L1 > supernode0.L2"
  std::int64_t bundle_count() const;
  VertexView vertex_view(VertexId vertex) const;
  LinkView link(LinkId link) const;
  const Hashing& hashing(Plane plane) const;
  bool degraded() const;  // some link has lost bandwidth

  // The route the software takes: a direct kLocal link (a sibling die) when there is one, else within a supernode over
  // kScaleUp, between supernodes over kScaleOut. Fewest hops, ties by lower latency. Cached, so not thread-safe; the
  // reference stays valid as long as the fabric. Asserts that the devices differ and are connected.
  const Route& route(DeviceId from, DeviceId to) const;
  std::vector<JointLimit> joint_limits(const Route& route) const;  // none in a healthy fabric
  // The links that flow number `flow` of a message takes under ECMP: a live one of each bundle, chosen at every vertex
  // by a hash of the two devices, the flow, the vertex and the seed.
  std::vector<HashedHop> hashed_path(const Route& route, DeviceId from, DeviceId to, int flow) const;
  // Over one plane only (kLocal links allowed), e.g. RDMA inside a supernode. Throws std::runtime_error if unreachable.
  Route route_over(Plane plane, DeviceId from, DeviceId to) const;

  // The same over the full graph, for tests of the bundle model. Slow. Throws as route_over does.
  FullGraphPaths full_graph_paths(Plane plane, DeviceId from, DeviceId to) const;

  // One device's bandwidth into a plane, one direction: the sum of its own links; for kScaleOut its share of its NIC
  // when all devices of that NIC send at once. Zero when the device is not on the plane.
  BytesPerSecond port_bandwidth(DeviceId device, Plane plane) const;

  Census census() const;
  // Content hash of everything that routes and bundles depend on; equal fabrics have equal fingerprints.
  std::uint64_t fingerprint() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace supernode
