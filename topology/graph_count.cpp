#include "topology/graph_count.hpp"

#include <algorithm>
#include <vector>

namespace supernode {

namespace {

class Counter {
 public:
  explicit Counter(const Fabric& fabric) : fabric_(fabric), classes_(fabric.vertex_count()), seen_(classes_.size()) {}

  GraphCount run() {
    for (std::int64_t i = 0; i < fabric_.vertex_count(); ++i) count_vertex(i);
    for (std::int64_t i = 0; i < fabric_.link_count(); ++i) count_link(fabric_.link(LinkId(i)));
    count_places();
    return std::move(count_);
  }

 private:
  void count_vertex(std::int64_t index) {
    const VertexView vertex = fabric_.vertex_view(VertexId(index));
    classes_[index] = vertex_class(vertex);
    count_.devices += vertex.kind == VertexKind::kDevice;
    count_.cpus += vertex.kind == VertexKind::kCpu;
  }

  void count_link(const LinkView& link) {
    add(count_.links[{link.spec.plane, link.spec.medium}], link);
    if (link.spec.medium == Medium::kOptical) {
      add(count_.optical[{link.spec.plane, classes_[link.a.index] + "-" + classes_[link.b.index]}], link);
    }
    if (link.spec.plane == Plane::kLocal) return;
    count_end(link.a, link.spec);
    count_end(link.b, link.spec);
  }

  static void add(LinkCount& count, const LinkView& link) {
    ++count.links;
    count.bandwidth += link.spec.bandwidth;
    count.left += link.spec.bandwidth * link.share;
    count.dead += link.share == 0;
    count.slow += link.share > 0 && link.share < 1;
  }

  // A switch or NIC belongs to the plane of its links.
  void count_end(VertexId vertex, const LinkSpec& spec) {
    const VertexKind kind = fabric_.vertex_view(vertex).kind;
    if (kind != VertexKind::kSwitch && kind != VertexKind::kNic) return;
    const unsigned bit = 1u << static_cast<unsigned>(spec.plane);
    const bool fresh = (seen_[vertex.index] & bit) == 0;
    seen_[vertex.index] |= bit;
    if (kind == VertexKind::kNic) {
      count_.nics[spec.plane] += fresh;
      return;
    }
    SwitchCount& switches = count_.switches[{spec.plane, classes_[vertex.index]}];
    switches.chips += fresh;
    if (fresh) switches.sub_planes.insert(spec.sub_plane);
  }

  void count_places() {
    for (std::int64_t i = 0; i < fabric_.device_count(); ++i) {
      const DevicePlace& place = fabric_.place(DeviceId(i));
      count_.chips = std::max<std::int64_t>(count_.chips, place.chip + 1);
      count_.nodes = std::max<std::int64_t>(count_.nodes, place.node + 1);
      count_.supernodes = std::max<std::int64_t>(count_.supernodes, place.supernode + 1);
    }
  }

  const Fabric& fabric_;
  GraphCount count_;
  std::vector<std::string> classes_;
  std::vector<unsigned> seen_;  // planes counted already, as bits
};

}  // namespace

std::string vertex_class(const VertexView& vertex) {
  if (vertex.kind != VertexKind::kSwitch) return std::string(to_string(vertex.kind));
  return std::string(vertex.tier.substr(vertex.tier.rfind('.') + 1));
}

std::int64_t GraphCount::links_of(Plane plane, Medium medium) const {
  const auto found = links.find({plane, medium});
  return found == links.end() ? 0 : found->second.links;
}

GraphCount count_graph(const Fabric& fabric) { return Counter(fabric).run(); }

}  // namespace supernode
