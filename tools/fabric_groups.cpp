#include "tools/fabric_groups.hpp"

#include <algorithm>
#include <tuple>

#include "topology/graph_count.hpp"
#include "topology/link_levels.hpp"

namespace supernode {

namespace {

struct Place {
  int level = -1;
  int first_node = -1, last_node = -1, supernode = -1;
  Plane plane = Plane::kLocal;
  int sub_plane = 0;

  bool reached() const { return level >= 0; }
  void join(const Place& below) {
    if (first_node < 0) *this = {level, below.first_node, below.last_node, below.supernode, plane, sub_plane};
    first_node = std::min(first_node, below.first_node);
    last_node = std::max(last_node, below.last_node);
    supernode = std::min(supernode, below.supernode);
  }
};

class Grouper {
 public:
  Grouper(const Fabric& fabric, const GroupOptions& options, const std::map<BundleId, Bytes>& bytes)
      : fabric_(fabric), options_(options), bytes_(bytes), places_(static_cast<std::size_t>(fabric.vertex_count())) {
    for (std::int64_t i = 0; i < fabric.link_count(); ++i) links_.push_back(fabric.link(LinkId(i)));
  }

  GroupedFabric run() {
    place_devices();
    place_switches();
    place_cpus();
    std::vector<int> group(places_.size(), -1);
    for (std::size_t v = 0; v < places_.size(); ++v) {
      if (places_[v].reached()) group[v] = group_of(VertexId(static_cast<std::int64_t>(v)));
    }
    for (const LinkView& link : links_) add_link(link, group[link.a.index], group[link.b.index]);
    return std::move(grouped_);
  }

 private:
  void place_devices() {
    int first = -1, last = -1;
    for (std::int64_t i = 0; i < fabric_.device_count(); ++i) {
      const DevicePlace& place = fabric_.place(DeviceId(i));
      if (options_.supernode >= 0 && place.supernode != options_.supernode) continue;
      if (first < 0) first = place.node;
      last = place.node;
      at(fabric_.vertex(DeviceId(i))) = {0, place.node, place.node, place.supernode, Plane::kLocal, 0};
    }
    grouped_.first_node = first;
    grouped_.nodes = last - first + 1;
  }

  // Level by level from the devices, each plane on its own; a vertex takes the nodes of what stands below it.
  void place_switches() {
    for (const LinkView& link : links_) {
      for (const VertexId v : {link.a, link.b}) {
        if (link.spec.plane == Plane::kLocal) continue;
        at(v).plane = std::max(at(v).plane, link.spec.plane);
        at(v).sub_plane = std::max(at(v).sub_plane, link.spec.sub_plane);
      }
    }
    levels_ = link_levels(fabric_, links_);  // of the whole fabric, shown or not
    const int top = *std::ranges::max_element(levels_);
    for (int level = 0; level < top; ++level) {
      for (const LinkView& link : links_) {
        climb(link.a, link.b, level);
        climb(link.b, link.a, level);
      }
    }
  }

  // What is shown reaches what stands right above it.
  void climb(VertexId low, VertexId high, int level) {
    if (at(low).level != level || levels_[high.index] != level + 1) return;
    at(high).level = level + 1;
    at(high).join(at(low));
  }

  // A CPU stands where the first switch or NIC that it is linked to has its devices.
  void place_cpus() {
    for (const LinkView& link : links_) {
      for (const auto& [cpu, other] : {std::pair(link.a, link.b), std::pair(link.b, link.a)}) {
        if (fabric_.vertex_view(cpu).kind != VertexKind::kCpu || !at(other).reached() || at(cpu).reached()) continue;
        const Place& there = at(other);
        if (there.first_node == there.last_node)
          at(cpu) = {0, there.first_node, there.last_node, there.supernode, Plane::kLocal, 0};
      }
    }
  }

  // Equal for vertices of one group.
  std::string key_of(VertexId vertex) const {
    const VertexView view = fabric_.vertex_view(vertex);
    const Place& place = places_[static_cast<std::size_t>(vertex.index)];
    if (options_.each_vertex || (options_.each_device && view.kind == VertexKind::kDevice))
      return std::string(view.name);
    const auto column = place.first_node / options_.nodes_a_column;
    const bool in_column = column == place.last_node / options_.nodes_a_column;
    std::string key = in_column ? "column" + std::to_string(column) + "." + vertex_class(view) : std::string(view.tier);
    if (in_column) key += std::to_string(static_cast<int>(place.plane));
    if (options_.by_sub_plane && view.kind == VertexKind::kSwitch) key += "/" + std::to_string(place.sub_plane);
    return key;
  }

  int group_of(VertexId vertex) {
    const auto [entry, fresh] = index_.try_emplace(key_of(vertex), static_cast<int>(grouped_.groups.size()));
    const VertexView view = fabric_.vertex_view(vertex);
    const Place& place = places_[static_cast<std::size_t>(vertex.index)];
    if (fresh) {
      VertexGroup group;
      group.kind = view.kind;
      group.name = std::string(options_.each_vertex ? view.name : view.tier);
      group.tier = vertex_class(view);
      group.plane = place.plane;
      group.sub_plane = options_.by_sub_plane || options_.each_vertex ? place.sub_plane : -1;
      group.level = place.level;
      group.first_node = place.first_node, group.last_node = place.last_node, group.supernode = place.supernode;
      grouped_.groups.push_back(std::move(group));
    }
    VertexGroup& group = grouped_.groups[static_cast<std::size_t>(entry->second)];
    group.last_node = std::max(group.last_node, place.last_node);
    ++group.size;
    return entry->second;
  }

  Bytes carried(BundleId bundle, const LinkView& link) const {
    const auto found = bytes_.find(bundle);
    const Bundle& all = fabric_.bundle(bundle);
    if (found == bytes_.end() || all.bandwidth <= BytesPerSecond(0)) return Bytes(0);
    return found->second * (link.spec.bandwidth * link.share / all.bandwidth);
  }

  void add_link(const LinkView& link, int a, int b) {
    if (a < 0 || b < 0) return;
    const auto& groups = grouped_.groups;
    const bool swap = std::tuple(groups[a].level, a) > std::tuple(groups[b].level, b);
    const auto key = std::tuple(swap ? b : a, swap ? a : b, link.spec.plane);
    const auto [entry, fresh] = bonds_.try_emplace(key, grouped_.bonds.size());
    if (fresh) {
      GroupBond bond;
      bond.low = std::get<0>(key), bond.high = std::get<1>(key);
      bond.plane = link.spec.plane, bond.medium = link.spec.medium;
      grouped_.bonds.push_back(bond);
    }
    GroupBond& bond = grouped_.bonds[entry->second];
    ++bond.links;
    bond.dead += link.share == 0;
    bond.slow += link.share > 0 && link.share < 1;
    bond.bandwidth += link.spec.bandwidth;
    bond.left += link.spec.bandwidth * link.share;
    bond.bytes[0] += carried(swap ? link.backward : link.forward, link);
    bond.bytes[1] += carried(swap ? link.forward : link.backward, link);
  }

  Place& at(VertexId vertex) { return places_[static_cast<std::size_t>(vertex.index)]; }

  const Fabric& fabric_;
  const GroupOptions& options_;
  const std::map<BundleId, Bytes>& bytes_;
  std::vector<LinkView> links_;
  std::vector<Place> places_;
  std::vector<int> levels_;
  std::map<std::string, int> index_;
  std::map<std::tuple<int, int, Plane>, std::size_t> bonds_;
  GroupedFabric grouped_;
};

}  // namespace

GroupedFabric group_fabric(const Fabric& fabric, const GroupOptions& options, const std::map<BundleId, Bytes>& bytes) {
  return Grouper(fabric, options, bytes).run();
}

}  // namespace supernode
