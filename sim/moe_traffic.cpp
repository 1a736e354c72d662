#include "sim/moe_traffic.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "base/expert_load.hpp"
#include "base/numeric.hpp"
#include "sim/collectives/builtin.hpp"
#include "sim/collectives/token_spread.hpp"

namespace supernode {
namespace {

// Loads over their mean. Experts that are all alike and evenly spread load every rank alike.
std::vector<double> relative_load(const CollectiveCall& call, const GroupShape& group) {
  if (!call.routing.skewed()) return std::vector<double>(static_cast<std::size_t>(group.size()), 1.0);
  std::vector<double> load = spread_experts(call.routing, renumbered(group.node)).load;
  const double mean = std::accumulate(load.begin(), load.end(), 0.0) / real(std::ssize(load));
  for (double& l : load) l /= mean;
  return load;
}

}  // namespace

MoeTraffic moe_traffic(const CollectiveCall& call, const GroupShape& group) {
  assert(is_expert_exchange(call.op));
  MoeTraffic traffic;
  traffic.ranks = group.size();
  traffic.load = relative_load(call, group);
  traffic.imbalance = *std::ranges::max_element(traffic.load);
  const auto n = static_cast<std::size_t>(group.size());
  const PeerBytes bytes(call, group);
  traffic.matrix.resize(n * n);
  std::vector<Bytes> out(n), in(n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      const Bytes sent = bytes(static_cast<std::int32_t>(i), static_cast<std::int32_t>(j));
      traffic.matrix[i * n + j] = sent;
      out[i] += sent, in[j] += sent;
    }
  traffic.busiest_port = max(*std::ranges::max_element(out), *std::ranges::max_element(in));
  return traffic;
}

}  // namespace supernode
