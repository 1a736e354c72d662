#include "sim/collectives/token_spread.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/expert_load.hpp"

namespace supernode {

TokenSpread token_spread(const TokenRouting& routing, std::int64_t ranks, std::int64_t nodes) {
  const bool limited = routing.node_limit > 0 && routing.node_limit < nodes;
  if (!limited)
    return {expected_distinct_bins(ranks, routing.experts, routing) / static_cast<double>(ranks),
            expected_distinct_bins(nodes, routing.experts, routing) / static_cast<double>(nodes)};
  const std::int64_t chosen = routing.node_limit;
  const std::int64_t ranks_chosen = ranks / nodes * chosen, experts_chosen = routing.experts / nodes * chosen;
  return {expected_distinct_bins(ranks_chosen, experts_chosen, routing) / static_cast<double>(ranks),
          expected_distinct_bins(chosen, experts_chosen, routing) / static_cast<double>(nodes)};
}

PeerBytes::PeerBytes(const CollectiveCall& call, const GroupShape& group)
    : dispatch_(call.op == CollectiveOp::kEpDispatch) {
  if (call.op == CollectiveOp::kAllToAll) {
    each_ = call.bytes / static_cast<double>(group.size());
  } else if (call.routing.skewed()) {
    for (const double hit : spread_experts(call.routing, renumbered(group.node)).rank)
      by_holder_.push_back(call.bytes * hit);
  } else {
    const std::set<std::int32_t> nodes(group.node.begin(), group.node.end());
    each_ = call.bytes * token_spread(call.routing, group.size(), static_cast<std::int64_t>(nodes.size())).rank;
  }
}

Bytes PeerBytes::largest() const { return by_holder_.empty() ? each_ : *std::ranges::max_element(by_holder_); }

Bytes bytes_per_peer(const CollectiveCall& call, const GroupShape& group) { return PeerBytes(call, group).largest(); }

std::vector<std::int32_t> renumbered(const std::vector<std::int32_t>& unit_of) {
  std::unordered_map<std::int32_t, std::int32_t> numbers;
  std::vector<std::int32_t> dense;
  for (const std::int32_t unit : unit_of)
    dense.push_back(numbers.try_emplace(unit, static_cast<std::int32_t>(numbers.size())).first->second);
  return dense;
}

}  // namespace supernode
