#include "base/collective.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/expert_load.hpp"
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

std::string_view to_string(ExpertPlacement placement) {
  switch (placement) {
    case ExpertPlacement::kContiguous:
      return "contiguous";
    case ExpertPlacement::kRoundRobin:
      return "round_robin";
    case ExpertPlacement::kBalanced:
      return "balanced";
  }
  return "?";
}

std::optional<ExpertPlacement> parse_expert_placement(std::string_view name) {
  for (const auto placement : {ExpertPlacement::kContiguous, ExpertPlacement::kRoundRobin, ExpertPlacement::kBalanced})
    if (to_string(placement) == name) return placement;
  return std::nullopt;
}

namespace {

// Expected number of distinct ranks among a token's experts.
double expected_distinct_ranks(std::int64_t ranks, const TokenRouting& routing) {
  if (!routing.skewed()) return expected_distinct_bins(ranks, routing.experts, routing);
  const std::vector<std::int32_t> one_unit(static_cast<std::size_t>(ranks), 0);
  const std::vector<double> hit = spread_experts(routing, one_unit).rank;
  return std::accumulate(hit.begin(), hit.end(), 0.0);
}

}  // namespace

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
      return expected_distinct_ranks(ranks, routing) * (n - 1) / n;
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

double expected_distinct_bins(std::int64_t bins, std::int64_t experts, const TokenRouting& routing) {
  return routing.even ? real(std::min(bins, routing.topk)) : expected_distinct_bins(bins, experts, routing.topk);
}

}  // namespace supernode
