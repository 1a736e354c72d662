#pragma once
// The shapes of communication operations: the vocabulary that step programs, protocol models and the flow simulation
// share.

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/quantity.hpp"

namespace supernode {

enum class CollectiveOp { kAllReduce, kAllGather, kReduceScatter, kAllToAll, kEpDispatch, kEpCombine, kSendRecv };
std::string_view to_string(CollectiveOp op);  // "all_reduce", "ep_dispatch", …
std::optional<CollectiveOp> parse_collective_op(std::string_view name);

// How a token's copies spread over experts; only EP dispatch and combine read it.
struct TokenRouting {
  std::int64_t topk = 1;        // experts a token is sent to
  std::int64_t experts = 0;     // routed experts in all; 0 = many
  std::int64_t node_limit = 0;  // at most so many nodes a token (DeepSeek-V3: 4); 0 = no limit
  double zipf = 0;              // popularity of the i-th expert ~ i^-zipf; 0 = all alike
  std::int64_t redundant = 0;   // extra copies, one each of the most popular experts (EPLB)
  auto operator<=>(const TokenRouting&) const = default;
};

// `bytes` is the full buffer of nccl-tests: all-reduce: each rank's buffer; all-gather: the gathered result;
// reduce-scatter: the input; all-to-all: what one rank holds before (it sends bytes/n to each); EP dispatch/combine:
// one rank's tokens × hidden × element size BEFORE copying to top-k experts; send/recv: the message.
struct CollectiveCall {
  CollectiveOp op = CollectiveOp::kAllReduce;
  Bytes bytes{};
  TokenRouting routing{};
  auto operator<=>(const CollectiveCall&) const = default;
};

// Bytes that must leave each rank of n, whatever the algorithm, over the full buffer: 2(n-1)/n for all-reduce, (n-1)/n
// for all-gather, reduce-scatter and all-to-all, 1 for send/recv. (nccl-tests, doc/PERFORMANCE.md: bus bandwidth is
// this factor × bytes / time.) For EP ops: the expected number of distinct remote ranks of top-k uniform choices.
double bus_factor(CollectiveOp op, std::int64_t ranks, const TokenRouting& routing = {});

// Expected number of distinct bins, of `bins` equal ones that hold `experts` experts together, hit by `draws` uniform
// choices of experts without replacement; with experts = 0 (many) it is bins·(1-(1-1/bins)^draws).
double expected_distinct_bins(std::int64_t bins, std::int64_t experts, std::int64_t draws);

}  // namespace supernode
