#include "sim/collectives/token_spread.hpp"

#include <set>

namespace supernode {

TokenSpread token_spread(const TokenRouting& routing, std::int64_t ranks, std::int64_t nodes) {
  const bool limited = routing.node_limit > 0 && routing.node_limit < nodes;
  if (!limited)
    return {expected_distinct_bins(ranks, routing.experts, routing.topk) / static_cast<double>(ranks),
            expected_distinct_bins(nodes, routing.experts, routing.topk) / static_cast<double>(nodes)};
  const std::int64_t chosen = routing.node_limit;
  const std::int64_t ranks_chosen = ranks / nodes * chosen, experts_chosen = routing.experts / nodes * chosen;
  return {expected_distinct_bins(ranks_chosen, experts_chosen, routing.topk) / static_cast<double>(ranks),
          expected_distinct_bins(chosen, experts_chosen, routing.topk) / static_cast<double>(nodes)};
}

Bytes bytes_per_peer(const CollectiveCall& call, const GroupShape& group) {
  if (call.op == CollectiveOp::kAllToAll) return call.bytes / static_cast<double>(group.size());
  const std::set<std::int32_t> nodes(group.node.begin(), group.node.end());
  return call.bytes * token_spread(call.routing, group.size(), static_cast<std::int64_t>(nodes.size())).rank;
}

}  // namespace supernode
