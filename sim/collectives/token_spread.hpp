#pragma once
// How many copies of a token go where in expert parallelism, under top-k routing.

#include <cstdint>
#include <vector>

#include "base/collective.hpp"
#include "sim/collective_algorithm.hpp"

namespace supernode {

// Probabilities that a token has at least one of its experts on a given rank, or in a given node.
struct TokenSpread {
  double rank = 0, node = 0;
};

// Uniform choices; experts are spread evenly over the group's ranks. With a node limit L below the number of nodes, a
// token first picks L nodes (uniformly), then its top-k among their experts (DeepSeek-V3, arXiv 2412.19437, section
// 2.1.2).
TokenSpread token_spread(const TokenRouting& routing, std::int64_t ranks, std::int64_t nodes);

// Bytes of one direct exchange between two ranks: bytes/n for all-to-all; for EP dispatch and combine the tokens with
// at least one expert on the other rank, each once (DeepEP and CANN de-duplicate per rank). Where experts are not all
// alike (base/expert_load.hpp), the rank that holds them decides: the receiver of a dispatch, the sender of a combine.
class PeerBytes {
 public:
  PeerBytes(const CollectiveCall& call, const GroupShape& group);
  Bytes operator()(std::int32_t from, std::int32_t to) const {
    return by_holder_.empty() ? each_ : by_holder_[static_cast<std::size_t>(dispatch_ ? to : from)];
  }
  Bytes largest() const;

 private:
  bool dispatch_ = false;
  Bytes each_{};
  std::vector<Bytes> by_holder_;
};

// The most that one rank exchanges with another.
Bytes bytes_per_peer(const CollectiveCall& call, const GroupShape& group);

// Unit of each rank, renumbered from 0 in order of first appearance.
std::vector<std::int32_t> renumbered(const std::vector<std::int32_t>& unit_of);

}  // namespace supernode
