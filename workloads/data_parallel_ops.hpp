#pragma once
// What keeps the replicas of the model together: parameter gathers and gradient reductions, for one unit of weights.

#include <vector>

#include "workloads/layer_part.hpp"
#include "workloads/rank_weights.hpp"

namespace supernode {

// The all-gathers of one unit of weights over the ranks that share its states, dense and expert parameters apart; each
// behind a cast when matrices travel in 8 bits. ZeRO-1 and 2 gather what the optimizer changed, ZeRO-3 all. None
// without ZeRO and for groups of one rank.
std::vector<Op> gather_ops(const RankShape& shape, const RankWeights& weights);
// Of the trained parameters. ZeRO scatters the reduced gradients over the ranks that share the states, each keeping its
// shard, then sums shards over the replicas of the states (HSDP); without ZeRO all ranks keep the sum. A cast goes
// before when gradients travel in 8 bits.
std::vector<Op> reduce_ops(const RankShape& shape, const RankWeights& weights);

// Turns blocking collectives into asynchronous ones, each with an event of its own.
void make_async(std::vector<Op>& ops, EventSource& events);
// Waits for each of the asynchronous operations.
std::vector<Op> waits_for(const std::vector<Op>& ops);

// Quantises the matrices of a unit before their use, for so many orientations (forward and backward products take
// one each); nothing for 16 bit recipes. Matrices gathered in the precision of the products arrive with the first.
std::vector<Op> quantise_ops(const RankShape& shape, const RankWeights& weights, bool forward, bool backward);

}  // namespace supernode
