#pragma once
// How many copies of a token go where in expert parallelism, under top-k uniform routing.

#include <cstdint>

#include "base/collective.hpp"
#include "sim/collective_algorithm.hpp"

namespace supernode {

// Probabilities that a token has at least one of its experts on a given rank, or in a given node.
struct TokenSpread {
  double rank = 0, node = 0;
};

// Experts are spread evenly over the group's ranks. With a node limit L below the number of nodes, a token first picks
// L nodes (uniformly), then its top-k among their experts (DeepSeek-V3, arXiv 2412.19437, section 2.1.2).
TokenSpread token_spread(const TokenRouting& routing, std::int64_t ranks, std::int64_t nodes);

// Bytes that one rank sends to each other rank in one direct exchange: bytes/n for all-to-all; for EP dispatch and
// combine the tokens with at least one expert there, each once (DeepEP and CANN de-duplicate per rank).
Bytes bytes_per_peer(const CollectiveCall& call, const GroupShape& group);

}  // namespace supernode
