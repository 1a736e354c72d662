// The reference that the bundle model is tested against: shortest paths in the full graph by Boost.Graph's
// breadth-first search, and the load of every link when each vertex sprays equally over its next hops.
#include <algorithm>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <cassert>
#include <map>
#include <stdexcept>

#include "topology/fabric_impl.hpp"

namespace supernode {

namespace {

using Vertex = boost::graph_traits<FabricGraph>::vertex_descriptor;
using Edge = boost::graph_traits<FabricGraph>::edge_descriptor;

struct OnPlane {
  const FabricGraph* graph = nullptr;
  Plane plane = Plane::kLocal;
  bool operator()(const Edge& edge) const {
    return usable((*graph)[edge].spec.plane, plane) && (*graph)[edge].share > 0;
  }
};

// CPUs do not forward, and devices do on a grid only: elsewhere the two ends of the route stay alone.
struct Forwards {
  const FabricGraph* graph = nullptr;
  Vertex from = 0, to = 0;
  bool on_grid = false;
  bool operator()(Vertex vertex) const {
    const VertexKind kind = (*graph)[vertex].kind;
    if (kind == VertexKind::kDevice) return on_grid || vertex == from || vertex == to;
    return vertex == from || vertex == to || kind == VertexKind::kSwitch || kind == VertexKind::kNic;
  }
};

using PlaneGraph = boost::filtered_graph<FabricGraph, OnPlane, Forwards>;

// Hops from `start` to each vertex; -1 where unreachable.
std::vector<int> hops_from(const PlaneGraph& graph, Vertex start, std::size_t vertices) {
  std::vector<int> hops(vertices, -1);
  std::vector<boost::default_color_type> colour(vertices, boost::white_color);
  hops[start] = 0;
  boost::breadth_first_search(
      graph, start,
      boost::color_map(colour.data())
          .visitor(boost::make_bfs_visitor(boost::record_distances(hops.data(), boost::on_tree_edge()))));
  return hops;
}

struct BundleLoad {
  double most = 0, sum = 0;
};

// Walks the shortest-path DAG from one end to the other, level by level.
class Spray {
 public:
  Spray(const FabricGraph& graph, Plane plane, bool on_grid, Vertex from, Vertex to)
      : graph_(graph),
        view_(graph, OnPlane{&graph, plane}, Forwards{&graph, from, to, on_grid}),
        from_(from),
        to_(to),
        left_(hops_from(view_, to, boost::num_vertices(graph))) {}

  bool connected() const { return left_[from_] >= 0; }

  void run(FullGraphPaths& result) {
    result.hops = left_[from_];
    std::map<Vertex, State> level{{from_, {1, 1.0}}};
    for (int hop = 0; hop < result.hops; ++hop) level = advance(level);
    result.paths = level.at(to_).paths;
  }

  const std::map<BundleId, BundleLoad>& loads() const { return loads_; }

 private:
  struct State {
    std::int64_t paths = 0;
    double flow = 0;
  };

  std::map<Vertex, State> advance(const std::map<Vertex, State>& level) {
    std::map<Vertex, State> next;
    for (const auto& [vertex, state] : level) {
      std::vector<Edge> onward;
      for (const Edge edge : boost::make_iterator_range(boost::out_edges(vertex, view_))) {
        if (left_[boost::target(edge, view_)] == left_[vertex] - 1) onward.push_back(edge);
      }
      for (const Edge edge : onward) {
        State& far = next[boost::target(edge, view_)];
        const double share = state.flow / static_cast<double>(onward.size());
        far.paths += state.paths;
        far.flow += share;
        load(edge, vertex, share);
      }
    }
    return next;
  }

  void load(Edge edge, Vertex at, double share) {
    const FabricLink& link = graph_[edge];
    BundleLoad& load = loads_[static_cast<Vertex>(link.from) == at ? link.forward : link.backward];
    load.most = std::max(load.most, share);
    load.sum += share;
  }

  const FabricGraph& graph_;
  PlaneGraph view_;
  Vertex from_, to_;
  std::vector<int> left_;  // hops to the far end
  std::map<BundleId, BundleLoad> loads_;
};

}  // namespace

FullGraphPaths Fabric::full_graph_paths(Plane plane, DeviceId from, DeviceId to) const {
  assert(impl_->sealed && from != to);
  const bool on_grid = plane == Plane::kScaleUp && !impl_->grid.empty();
  Spray spray(impl_->graph, plane, on_grid, static_cast<Vertex>(vertex(from).index),
              static_cast<Vertex>(vertex(to).index));
  if (!spray.connected()) throw std::runtime_error("no path in the full graph");
  FullGraphPaths result;
  spray.run(result);
  for (const auto& [id, load] : spray.loads()) {
    result.imbalance = std::max(result.imbalance, load.most * bundle(id).links / load.sum);
  }
  return result;
}

}  // namespace supernode
