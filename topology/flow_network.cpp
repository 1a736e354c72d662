#include "topology/flow_network.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace supernode {

void FlowNetwork::add(int a, int b, double forward, double backward) {
  if (forward <= 0 && backward <= 0) return;
  at_[static_cast<std::size_t>(a)].push_back(static_cast<int>(arcs_.size()));
  arcs_.push_back({b, std::llround(forward)});
  at_[static_cast<std::size_t>(b)].push_back(static_cast<int>(arcs_.size()));
  arcs_.push_back({a, std::llround(backward)});
}

// Breadth-first; whether the sink is reached.
bool FlowNetwork::rank_vertices(int from, int to) {
  depth_.assign(at_.size(), -1);
  depth_[static_cast<std::size_t>(from)] = 0;
  std::vector<int> queue{from};
  for (std::size_t head = 0; head < queue.size(); ++head) {
    const auto vertex = static_cast<std::size_t>(queue[head]);
    for (const int index : at_[vertex]) {
      int& depth = depth_[static_cast<std::size_t>(arc(index).to)];
      if (arc(index).left <= 0 || depth >= 0) continue;
      depth = depth_[vertex] + 1;
      queue.push_back(arc(index).to);
    }
  }
  return depth_[static_cast<std::size_t>(to)] >= 0;
}

// Pushes up to `most` from a vertex to the sink along arcs that lead one step deeper.
std::int64_t FlowNetwork::push(int vertex, int to, std::int64_t most) {
  if (vertex == to) return most;
  const auto at = static_cast<std::size_t>(vertex);
  std::int64_t pushed = 0;
  for (std::size_t& i = next_[at]; i < at_[at].size(); ++i) {
    const int index = at_[at][i];
    const bool deeper = depth_[static_cast<std::size_t>(arc(index).to)] == depth_[at] + 1;
    if (!deeper || arc(index).left <= 0) continue;
    const std::int64_t through = push(arc(index).to, to, std::min(most - pushed, arc(index).left));
    arcs_[static_cast<std::size_t>(index)].left -= through;
    arcs_[static_cast<std::size_t>(index ^ 1)].left += through;
    pushed += through;
    if (pushed == most) return pushed;  // this arc may lead on still
  }
  return pushed;
}

double FlowNetwork::max_flow(int from, int to) {
  std::int64_t flow = 0;
  while (rank_vertices(from, to)) {
    next_.assign(at_.size(), 0);
    flow += push(from, to, std::numeric_limits<std::int64_t>::max());
  }
  return static_cast<double>(flow);
}

}  // namespace supernode
