#pragma once
// What keeps the replicas of the model together: parameter gathers, gradient reductions, the optimizer.

#include <vector>

#include "workloads/layer_part.hpp"
#include "workloads/rank_weights.hpp"

namespace supernode {

// The collectives of one unit of weights over the replicas: at most two, dense and expert parameters apart. None for
// groups of one rank, none for gathers without ZeRO.
std::vector<Op> gather_ops(const RankShape& shape, const RankWeights& weights);
// ZeRO-1 scatters the reduced gradients, each rank keeping what its optimizer shard needs; ZeRO-0 keeps them whole.
std::vector<Op> reduce_ops(const RankShape& shape, const RankWeights& weights);

// Turns blocking collectives into asynchronous ones, each with an event of its own.
void make_async(std::vector<Op>& ops, EventSource& events);
// Waits for each of the asynchronous operations.
std::vector<Op> waits_for(const std::vector<Op>& async_ops);

// Quantises the matrices of a unit once a step, before their first use; nothing for 16 bit recipes.
std::vector<Op> quantise_ops(const RankShape& shape, const RankWeights& weights);

// After the reductions: gradients that tensor-parallel ranks and the two ends of the pipeline share, the gradient norm,
// Adam on the rank's shard. `weights` is all the rank of pipeline stage `stage` holds.
std::vector<Op> optimizer_ops(const RankShape& shape, const RankWeights& weights, std::int64_t stage);

}  // namespace supernode
