#include "tests/sim/information_flow.hpp"

#include <algorithm>
#include <limits>
#include <queue>

namespace supernode::test {
namespace {

constexpr double kEndless = std::numeric_limits<double>::infinity();

// Dinic's maximum flow with real capacities.
class MaxFlow {
 public:
  explicit MaxFlow(int vertices) : out_(static_cast<std::size_t>(vertices)) {}

  void add(int from, int to, double capacity) {
    at(from).push_back(static_cast<int>(arcs_.size()));
    arcs_.push_back({to, capacity});
    at(to).push_back(static_cast<int>(arcs_.size()));
    arcs_.push_back({from, 0});
  }

  double run(int source, int sink) {
    double total = 0;
    while (levels(source, sink)) {
      next_.assign(out_.size(), 0);
      while (true) {
        const double pushed = push(source, sink, kEndless);
        if (pushed <= kTiny) break;
        total += pushed;
      }
    }
    return total;
  }

 private:
  struct Arc {
    int to;
    double left;
  };
  static constexpr double kTiny = 1e-6;  // bytes
  std::vector<int>& at(int vertex) { return out_[static_cast<std::size_t>(vertex)]; }
  int& level(int vertex) { return level_[static_cast<std::size_t>(vertex)]; }

  bool levels(int source, int sink) {
    level_.assign(out_.size(), -1);
    level(source) = 0;
    std::queue<int> open;
    for (open.push(source); !open.empty(); open.pop())
      for (const int a : at(open.front())) {
        const Arc& arc = arcs_[static_cast<std::size_t>(a)];
        if (arc.left <= kTiny || level(arc.to) >= 0) continue;
        level(arc.to) = level(open.front()) + 1;
        open.push(arc.to);
      }
    return level(sink) >= 0;
  }

  double push(int vertex, int sink, double limit) {
    if (vertex == sink) return limit;
    for (std::size_t& i = next_[static_cast<std::size_t>(vertex)]; i < at(vertex).size(); ++i) {
      const auto a = static_cast<std::size_t>(at(vertex)[i]);
      const int to = arcs_[a].to;
      if (arcs_[a].left <= kTiny || level(to) != level(vertex) + 1) continue;
      const double pushed = push(to, sink, std::min(limit, arcs_[a].left));
      if (pushed <= kTiny) continue;
      arcs_[a].left -= pushed;
      arcs_[a ^ 1].left += pushed;
      return pushed;
    }
    return 0;
  }

  std::vector<Arc> arcs_;
  std::vector<std::vector<int>> out_;
  std::vector<int> level_;
  std::vector<std::size_t> next_;
};

}  // namespace

InformationFlow::InformationFlow(const std::vector<Round>& rounds, int ranks, bool causal) : ranks_(ranks), layers_(1) {
  const auto add = [&](const Round& round, double times, int layer, int step) {
    for (const Transfer& t : round.transfers)
      edges_.push_back({layer * ranks + t.from, (layer + step) * ranks + t.to, t.bytes.value() * times});
  };
  for (const Round& round : rounds) {
    if (!causal) add(round, static_cast<double>(round.repeat), 0, 0);
    for (std::int64_t i = 0; causal && i < round.repeat; ++i) {
      add(round, 1, layers_ - 1, 1);
      for (int r = 0; r < ranks; ++r) edges_.push_back({(layers_ - 1) * ranks + r, layers_ * ranks + r, kEndless});
      ++layers_;
    }
  }
}

double InformationFlow::between(const std::vector<double>& offered, const std::vector<double>& wanted) const {
  const int vertices = layers_ * ranks_;
  MaxFlow flow(vertices + 2);
  for (const Edge& edge : edges_) flow.add(edge.from, edge.to, edge.capacity);
  for (int r = 0; r < ranks_; ++r) {
    const auto i = static_cast<std::size_t>(r);
    if (offered[i] > 0) flow.add(vertices, r, offered[i]);
    if (wanted[i] > 0) flow.add(vertices - ranks_ + r, vertices + 1, wanted[i]);
  }
  return flow.run(vertices, vertices + 1);
}

}  // namespace supernode::test
