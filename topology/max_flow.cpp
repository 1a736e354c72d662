#include "topology/max_flow.hpp"

#include <cassert>
#include <vector>

#include "topology/flow_network.hpp"

namespace supernode {

namespace {

class PlaneFlow {
 public:
  PlaneFlow(const Fabric& fabric, Plane plane)
      : fabric_(fabric), plane_(plane), vertices_(static_cast<std::size_t>(fabric.vertex_count())) {
    const bool grid = !fabric.grid().empty() && plane == Plane::kScaleUp;
    for (std::size_t i = 0; i < vertices_.size(); ++i) {
      const VertexKind kind = fabric.vertex_view(VertexId(static_cast<std::int64_t>(i))).kind;
      Vertex& vertex = vertices_[i];
      vertex.device = kind == VertexKind::kDevice;
      vertex.sends = vertex.receives =
          kind == VertexKind::kSwitch || kind == VertexKind::kNic || (grid && vertex.device);
    }
    for (std::int64_t i = 0; i < fabric.link_count(); ++i) links_.push_back(fabric.link(LinkId(i)));
    for (const LinkView& link : links_) count_port(link);
  }

  void add_sources(std::span<const DeviceId> devices) {
    for (const DeviceId device : devices) at(device).sends = at(device).source = true;
  }
  void add_sinks(std::span<const DeviceId> devices) {
    for (const DeviceId device : devices) at(device).receives = at(device).sink = true;
  }

  BytesPerSecond solve() {
    for (const LinkView& link : links_) {
      stand_in(link.a, link.b, link);
      stand_in(link.b, link.a, link);
    }
    const int source = static_cast<int>(vertices_.size()), sink = source + 1;
    FlowNetwork network(sink + 1);
    double all = 1;
    for (const LinkView& link : links_) {
      all += left(link);
      network.add(link.a.index, link.b.index, one_way(link.a, link.b, link), one_way(link.b, link.a, link));
    }
    for (int i = 0; i < source; ++i) {
      const Vertex& vertex = vertices_[static_cast<std::size_t>(i)];
      assert(!(vertex.source && vertex.sink) && "the sets are disjoint");
      if (vertex.source) network.add(source, i, all);
      if (vertex.sink) network.add(i, sink, all);
    }
    return BytesPerSecond(network.max_flow(source, sink));
  }

 private:
  struct Vertex {
    bool device = false, source = false, sink = false;
    bool sends = false, receives = false;  // into the plane, from it
    int ports = 0;                         // live links into the plane
  };

  Vertex& at(VertexId id) { return vertices_[static_cast<std::size_t>(id.index)]; }
  const Vertex& at(VertexId id) const { return vertices_[static_cast<std::size_t>(id.index)]; }
  Vertex& at(DeviceId id) { return at(fabric_.vertex(id)); }

  static double left(const LinkView& link) { return link.spec.bandwidth.value() * link.share; }
  bool die_to_die(const LinkView& link) const {
    return link.spec.plane == Plane::kLocal && at(link.a).device && at(link.b).device;
  }

  // A device reaches the scale-out plane by the local link to its NIC.
  void count_port(const LinkView& link) {
    if (left(link) <= 0 || die_to_die(link)) return;
    if (link.spec.plane != plane_ && (link.spec.plane != Plane::kLocal || plane_ == Plane::kScaleUp)) return;
    ++at(link.a).ports;
    ++at(link.b).ports;
  }

  bool relays(VertexId lost, VertexId sibling) const { return at(lost).ports == 0 && at(sibling).ports > 0; }

  // A device without ports uses those of its sibling, in the direction that it needs.
  void stand_in(VertexId lost, VertexId sibling, const LinkView& link) {
    if (!die_to_die(link) || !relays(lost, sibling)) return;
    if (at(lost).source) at(sibling).sends = true;
    if (at(lost).sink) at(sibling).receives = true;
  }

  double one_way(VertexId from, VertexId to, const LinkView& link) const {
    if (die_to_die(link)) {
      const bool out = at(from).source && relays(from, to), in = at(to).sink && relays(to, from);
      return out || in ? left(link) : 0;
    }
    const bool usable = link.spec.plane == plane_ || link.spec.plane == Plane::kLocal;
    return usable && at(from).sends && at(to).receives ? left(link) : 0;
  }

  const Fabric& fabric_;
  Plane plane_;
  std::vector<Vertex> vertices_;
  std::vector<LinkView> links_;
};

}  // namespace

BytesPerSecond max_flow(const Fabric& fabric, Plane plane, std::span<const DeviceId> from,
                        std::span<const DeviceId> to) {
  PlaneFlow flow(fabric, plane);
  flow.add_sources(from);
  flow.add_sinks(to);
  return flow.solve();
}

}  // namespace supernode
