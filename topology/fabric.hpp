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
#include <memory>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/quantity.hpp"
#include "topology/fabric_views.hpp"
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
  void set_pxn(bool on);  // to another rail: over the scale-up plane to the node's device on that rail, then its NIC
  void note_fault(std::string note);  // what is broken, in words, for a report
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
  const Grid& grid() const;  // empty when devices do not forward
  bool pxn() const;

  // --- faults ---------------------------------------------------------------------------------------------------
  bool degraded() const;  // some link has lost bandwidth
  const std::vector<std::string>& fault_notes() const;
  // Devices of one colour have links on their way up that are degraded alike; 0 for all in a healthy fabric.
  std::int32_t fault_colour(DeviceId device) const;
  // What a route may carry less than its bundles, each of them alone; none in a healthy fabric.
  std::vector<JointLimit> joint_limits(const Route& route) const;

  // --- routes ---------------------------------------------------------------------------------------------------

  // The route the software takes: a direct kLocal link (a sibling die) when there is one, else within a supernode over
  // kScaleUp, between supernodes over kScaleOut. Fewest hops, ties by lower latency. Around faults: docs/models/
  // fabric.md. Cached, so not thread-safe; the reference stays valid as long as the fabric. Asserts that the devices
  // differ; throws FaultError (fault_spec.hpp) when faults have cut one off from the other.
  const Route& route(DeviceId from, DeviceId to) const;
  // The same route without a copy of its own: for those who ask for very many.
  RouteView route_view(DeviceId from, DeviceId to) const;
  // The links that flow number `flow` of a message takes under ECMP: a live one of each bundle, chosen at every vertex
  // by a hash of the two devices, the flow, the vertex and the seed.
  std::vector<HashedHop> hashed_path(const Route& route, DeviceId from, DeviceId to, int flow) const;
  // Over one plane only (kLocal links allowed), e.g. RDMA inside a supernode. Throws std::runtime_error if unreachable.
  Route route_over(Plane plane, DeviceId from, DeviceId to) const;

  // The same over the full graph, for tests of the bundle model. Slow. Throws as route_over does.
  FullGraphPaths full_graph_paths(Plane plane, DeviceId from, DeviceId to) const;

  // One device's bandwidth into a plane, one direction: the sum of its own links; for kScaleOut its share of its NIC
  // when all devices of that NIC send at once. Zero when the device is not on the plane. A device that faults have cut
  // off from it has its part of the port of the device that relays for it.
  BytesPerSecond port_bandwidth(DeviceId device, Plane plane) const;

  Census census() const;
  // Content hash of everything that routes and bundles depend on; equal fabrics have equal fingerprints.
  std::uint64_t fingerprint() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace supernode
