#include "base/collective.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/numeric.hpp"

namespace supernode {
namespace {

constexpr std::array kAllOps = {CollectiveOp::kAllReduce, CollectiveOp::kAllGather,  CollectiveOp::kReduceScatter,
                                CollectiveOp::kAllToAll,  CollectiveOp::kEpDispatch, CollectiveOp::kEpCombine,
                                CollectiveOp::kSendRecv};

}  // namespace

std::string_view to_string(CollectiveOp op) {
  switch (op) {
    case CollectiveOp::kAllReduce:
      return "all_reduce";
    case CollectiveOp::kAllGather:
      return "all_gather";
    case CollectiveOp::kReduceScatter:
      return "reduce_scatter";
    case CollectiveOp::kAllToAll:
      return "all_to_all";
    case CollectiveOp::kEpDispatch:
      return "ep_dispatch";
    case CollectiveOp::kEpCombine:
      return "ep_combine";
    case CollectiveOp::kSendRecv:
      return "send_recv";
  }
  return "?";
}

std::optional<CollectiveOp> parse_collective_op(std::string_view name) {
  for (const CollectiveOp op : kAllOps)
    if (to_string(op) == name) return op;
  return std::nullopt;
}

double bus_factor(CollectiveOp op, std::int64_t ranks, const TokenRouting& routing) {
  const auto n = real(ranks);
  switch (op) {
    case CollectiveOp::kAllReduce:
      return 2 * (n - 1) / n;
    case CollectiveOp::kAllGather:
    case CollectiveOp::kReduceScatter:
    case CollectiveOp::kAllToAll:
      return (n - 1) / n;
    case CollectiveOp::kEpDispatch:
    case CollectiveOp::kEpCombine:
      return expected_distinct_bins(ranks, routing.experts, routing.topk) * (n - 1) / n;
    case CollectiveOp::kSendRecv:
      return 1;
  }
  return 0;
}

double expected_distinct_bins(std::int64_t bins, std::int64_t experts, std::int64_t draws) {
  const auto n = real(bins);
  double missed = 1;  // probability that no draw hits a given bin
  if (experts == 0) {
    missed = std::pow(1 - 1 / n, real(draws));
  } else {
    const double total = real(experts), outside = total - total / n;
    for (std::int64_t i = 0; i < draws; ++i) missed *= std::max(0.0, outside - real(i)) / (total - real(i));
  }
  return n * (1 - missed);
}

}  // namespace supernode
