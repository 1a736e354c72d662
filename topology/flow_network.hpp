#pragma once
// A directed network with capacities, and the most that can flow from one vertex of it to another (Dinic: Algorithm for
// solution of a problem of maximum flow in networks with power estimation, Soviet Math. Doklady 11, 1970). Capacities
// are rounded to whole numbers (of bytes per second), so that nothing is left over.

#include <cstdint>
#include <vector>

namespace supernode {

class FlowNetwork {
 public:
  explicit FlowNetwork(int vertices) : at_(static_cast<std::size_t>(vertices)) {}
  // Up to `forward` from a to b and, at the same time, up to `backward` from b to a.
  void add(int a, int b, double forward, double backward = 0);
  // Uses the network up: call once.
  double max_flow(int from, int to);

 private:
  struct Arc {
    int to = 0;
    std::int64_t left = 0;
  };
  bool rank_vertices(int from, int to);
  std::int64_t push(int vertex, int to, std::int64_t most);
  const Arc& arc(int index) const { return arcs_[static_cast<std::size_t>(index)]; }

  std::vector<Arc> arcs_;             // 2i and 2i + 1 are each other's reverse
  std::vector<std::vector<int>> at_;  // arcs that leave each vertex
  std::vector<int> depth_;            // from the source, over arcs with something left; -1 unreached
  std::vector<std::size_t> next_;     // by vertex, the first arc that may still lead on
};

}  // namespace supernode
