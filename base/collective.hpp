#pragma once
// The shapes of communication operations: the vocabulary that step programs, protocol models and the flow simulation
// share.

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/quantity.hpp"

namespace supernode {

enum class CollectiveOp { kAllReduce, kAllGather, kReduceScatter, kAllToAll, kEpDispatch, kEpCombine, kSendRecv };
std::string_view to_string(CollectiveOp op);  // "all_reduce", "ep_dispatch", …
std::optional<CollectiveOp> parse_collective_op(std::string_view name);

// On which rank an expert is. Copies beyond the first go to the ranks with the least load.
enum class ExpertPlacement {
  kContiguous,  // blocks of neighbouring experts
  kRoundRobin,  // expert i on rank i mod ranks
  kBalanced,    // the most loaded expert first, each to the rank with the least load (EPLB's packing)
};
std::string_view to_string(ExpertPlacement placement);  // "contiguous", "round_robin", "balanced"
std::optional<ExpertPlacement> parse_expert_placement(std::string_view name);

// Tokens that chose each expert, as counted in a run.
struct ExpertHistogram {
  std::vector<double> tokens;
};

// How a token's copies spread over experts; only EP dispatch and combine read it. Skew (zipf to
// histogram): base/expert_load.hpp, which also says what values are allowed (routing_error).
struct TokenRouting {
  std::int64_t topk = 1;        // experts a token is sent to
  std::int64_t experts = 0;     // routed experts in all; 0 = many, all alike
  std::int64_t node_limit = 0;  // at most so many nodes a token (DeepSeek-V3: 4); 0 = no limit
  double zipf = 0;              // weight of the i-th most popular expert i^-zipf; 0 = all alike
  std::int64_t redundant = 0;   // extra copies, one by one of the expert with the most load a copy (EPLB)
  ExpertPlacement placement = ExpertPlacement::kContiguous;
  const ExpertHistogram* histogram = nullptr;  // instead of zipf; must outlive, unchanged, every call that refers to it
  bool low_latency = false;  // by the kernels made for decoding: a copy to each expert, whatever rank it shares
  bool even = false;         // by turns, on as many ranks as a token has experts (benchmarks); else at random
  double tokens = 0;         // of one rank; 0 = not known: then only their bytes take time
  auto operator<=>(const TokenRouting&) const = default;

  // Experts or ranks are not all alike.
  bool skewed() const { return zipf != 0 || redundant != 0 || histogram != nullptr; }
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
// this factor × bytes / time.) For EP ops: the expected number of distinct remote ranks of a token, averaged over
// the ranks it may come from; whatever the node limit.
double bus_factor(CollectiveOp op, std::int64_t ranks, const TokenRouting& routing = {});

// Expected number of distinct bins, of `bins` equal ones that hold `experts` experts together, hit by `draws` uniform
// choices of experts without replacement; with experts = 0 (many) it is bins·(1-(1-1/bins)^draws).
double expected_distinct_bins(std::int64_t bins, std::int64_t experts, std::int64_t draws);
// The same for the experts of a token, `experts` of which are in the bins: all it can hit when the routing is even.
double expected_distinct_bins(std::int64_t bins, std::int64_t experts, const TokenRouting& routing);

}  // namespace supernode
