// ECMP: at every vertex a flow takes one of the links that lead on, chosen by a hash of what a switch sees of it. Flows
// of different pairs collide as balls thrown into bins do.
#include <cassert>

#include "base/random_draw.hpp"
#include "topology/fabric_impl.hpp"

namespace supernode {

namespace {

std::uint64_t mixed(std::uint64_t x) { return SplitMix64(x)(); }

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) { return mixed(hash ^ mixed(value)); }

using Edge = FabricGraph::edge_descriptor;

class Walk {
 public:
  Walk(const FabricGraph& graph, const Route& route, bool degraded)
      : graph_(graph), route_(route), degraded_(degraded) {}

  // The links of bundle `hop` at this vertex from which the rest of the route can be travelled.
  std::vector<Edge> onward(std::size_t vertex, std::size_t hop) const {
    std::vector<Edge> links;
    for (const Edge edge : boost::make_iterator_range(boost::out_edges(vertex, graph_)))
      if (leaves_by(edge, vertex, hop) && leads_on(boost::target(edge, graph_), hop + 1)) links.push_back(edge);
    return links;
  }

 private:
  bool leaves_by(const Edge& edge, std::size_t vertex, std::size_t hop) const {
    const FabricLink& link = graph_[edge];
    const bool forwards = static_cast<std::size_t>(link.from) == vertex;
    return link.share > 0 && (forwards ? link.forward : link.backward) == route_.bundles[hop];
  }

  // In a healthy fabric every vertex of a tier has links of each of its bundles.
  bool leads_on(std::size_t vertex, std::size_t hop) const {
    if (!degraded_ || hop == route_.bundles.size()) return true;
    for (const Edge edge : boost::make_iterator_range(boost::out_edges(vertex, graph_)))
      if (leaves_by(edge, vertex, hop) && leads_on(boost::target(edge, graph_), hop + 1)) return true;
    return false;
  }

  const FabricGraph& graph_;
  const Route& route_;
  bool degraded_;
};

}  // namespace

std::vector<HashedHop> Fabric::hashed_path(const Route& route, DeviceId from, DeviceId to, int flow) const {
  const Walk walk(impl_->graph, route, impl_->degraded);
  const std::uint64_t pair = (static_cast<std::uint64_t>(from.index) << 32) | static_cast<std::uint64_t>(to.index);
  const std::uint64_t message = mixed(mixed(pair), static_cast<std::uint64_t>(flow));
  std::vector<HashedHop> hops;
  auto vertex = static_cast<std::size_t>(this->vertex(from).index);
  for (std::size_t hop = 0; hop < route.bundles.size(); ++hop) {
    const std::vector<Edge> links = walk.onward(vertex, hop);
    assert(!links.empty() && "a route over dead links");
    const Bundle& bundle = impl_->bundle(route.bundles[hop]);
    const Hashing& how = hashing(bundle.plane);
    const std::uint64_t draw = mixed(mixed(message, vertex), how.seed);
    const Edge chosen = links[draw % links.size()];
    const bool sprayed = !how.ecmp && bundle.links > 1;
    hops.push_back({route.bundles[hop], sprayed ? LinkId() : impl_->graph[chosen].id});
    vertex = boost::target(chosen, impl_->graph);
  }
  return hops;
}

}  // namespace supernode
