#include "topology/folded_flow.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "topology/graph_count.hpp"

namespace supernode {

namespace {

constexpr int kFromClass = 0, kToClass = 1;

struct Edge {
  int a = 0, b = 0;
  double capacity = 0;
  int sub_plane = 0;
};

// A few vertices and what each pair carries one way.
class SmallNetwork {
 public:
  explicit SmallNetwork(int size) : left_(size, std::vector<double>(size, 0)) {}

  void add(int a, int b, double capacity) {
    left_[a][b] += capacity;
    left_[b][a] += capacity;
  }

  double max_flow(int from, int to) {
    double total = 0, scale = 0;
    for (const auto& row : left_) {
      for (const double capacity : row) scale = std::max(scale, capacity);
    }
    while (find_path(from, to, 1e-12 * scale)) {
      const double more = narrowest(from, to);
      for (int v = to; v != from; v = previous_[v]) {
        left_[previous_[v]][v] -= more;
        left_[v][previous_[v]] += more;
      }
      total += more;
    }
    return total;
  }

 private:
  bool find_path(int from, int to, double least) {
    const int size = static_cast<int>(left_.size());
    previous_.assign(left_.size(), -1);
    std::vector<int> queue{from};
    for (std::size_t i = 0; i < queue.size() && previous_[to] < 0; ++i) {
      for (int v = 0; v < size; ++v) {
        if (v == from || previous_[v] >= 0 || left_[queue[i]][v] <= least) continue;
        previous_[v] = queue[i];
        queue.push_back(v);
      }
    }
    return previous_[to] >= 0;
  }

  double narrowest(int from, int to) const {
    double least = left_[previous_[to]][to];
    for (int v = to; v != from; v = previous_[v]) least = std::min(least, left_[previous_[v]][v]);
    return least;
  }

  std::vector<std::vector<double>> left_;  // capacity not yet used
  std::vector<int> previous_;
};

class Folder {
 public:
  Folder(const Fabric& fabric, Plane plane, std::span<const DeviceId> from, std::span<const DeviceId> to)
      : fabric_(fabric), sides_(fabric.vertex_count(), 0), level_(sides_.size(), -1) {
    for (const DeviceId device : from) place(fabric.vertex(device).index, 1);
    for (const DeviceId device : to) place(fabric.vertex(device).index, 2);
    collect_edges(plane);
    find_sides();
  }

  double flow() {
    std::vector<int> folded(sides_.size(), -1);
    for (std::size_t v = 0; v < sides_.size(); ++v) {
      if (level_[v] >= 0) folded[v] = class_of(static_cast<int>(v));
    }
    SmallNetwork network(static_cast<int>(classes_.size()) + 2);
    for (const Edge& edge : edges_) {
      const int a = folded[edge.a], b = folded[edge.b];
      if (a >= 0 && b >= 0 && a != b) network.add(a, b, edge.capacity);
    }
    return network.max_flow(kFromClass, kToClass);
  }

 private:
  void place(int vertex, int side) {
    sides_[vertex] = side;
    level_[vertex] = 0;
    frontier_.push_back(vertex);
  }

  bool takes_part(VertexId vertex) const {
    const VertexKind kind = fabric_.vertex_view(vertex).kind;
    return kind == VertexKind::kSwitch || kind == VertexKind::kNic || level_[vertex.index] == 0;
  }

  // Devices enter the scale-out plane by the local link to their NIC; die to die does not count.
  bool usable(const LinkView& link, Plane plane) const {
    if (link.spec.plane == plane) return true;
    const bool die_to_die = level_[link.a.index] == 0 && level_[link.b.index] == 0;
    return link.spec.plane == Plane::kLocal && plane != Plane::kScaleUp && !die_to_die;
  }

  void collect_edges(Plane plane) {
    for (std::int64_t i = 0; i < fabric_.link_count(); ++i) {
      const LinkView link = fabric_.link(LinkId(i));
      if (!usable(link, plane) || link.share == 0 || !takes_part(link.a) || !takes_part(link.b)) continue;
      edges_.push_back({link.a.index, link.b.index, link.spec.bandwidth.value() * link.share, link.spec.sub_plane});
    }
  }

  // Which of the two sets a vertex has below it, level by level upwards from the devices.
  void find_sides() {
    std::vector<std::size_t> begin(sides_.size() + 1, 0);
    for (const Edge& edge : edges_) ++begin[edge.a + 1], ++begin[edge.b + 1];
    for (std::size_t v = 0; v < sides_.size(); ++v) begin[v + 1] += begin[v];
    std::vector<int> far(2 * edges_.size());
    std::vector<std::size_t> next(begin.begin(), begin.end() - 1);
    sub_plane_.assign(sides_.size(), 0);
    for (const Edge& edge : edges_) {
      far[next[edge.a]++] = edge.b, far[next[edge.b]++] = edge.a;
      sub_plane_[edge.a] = std::max(sub_plane_[edge.a], edge.sub_plane);
      sub_plane_[edge.b] = std::max(sub_plane_[edge.b], edge.sub_plane);
    }
    for (std::size_t i = 0; i < frontier_.size(); ++i) {
      const int v = frontier_[i];
      for (std::size_t e = begin[v]; e < begin[v + 1]; ++e) {
        const int up = far[e];
        if (level_[up] < 0) level_[up] = level_[v] + 1, frontier_.push_back(up);
        if (level_[up] == level_[v] + 1) sides_[up] |= sides_[v];
      }
    }
  }

  int class_of(int vertex) {
    if (level_[vertex] == 0) return sides_[vertex] == 1 ? kFromClass : kToClass;
    const auto key = std::tuple(vertex_class(fabric_.vertex_view(VertexId(vertex))), sides_[vertex], level_[vertex],
                                sub_plane_[vertex]);
    return classes_.try_emplace(key, static_cast<int>(classes_.size()) + 2).first->second;
  }

  const Fabric& fabric_;
  std::vector<int> sides_;  // 1: the first set stands below it, 2: the second, 3: both
  std::vector<int> level_;  // hops from the nearest device; -1 unreached
  std::vector<int> sub_plane_, frontier_;
  std::vector<Edge> edges_;
  std::map<std::tuple<std::string, int, int, int>, int> classes_;
};

}  // namespace

BytesPerSecond folded_flow(const Fabric& fabric, Plane plane, std::span<const DeviceId> from,
                           std::span<const DeviceId> to) {
  if (from.empty() || to.empty()) return BytesPerSecond(0);
  return BytesPerSecond(Folder(fabric, plane, from, to).flow());
}

}  // namespace supernode
