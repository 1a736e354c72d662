#pragma once
// The end of a step: gradients that several ranks share, the gradient norm, the update of the rank's shard.

#include <vector>

#include "workloads/layer_part.hpp"
#include "workloads/rank_weights.hpp"

namespace supernode {

// After the reductions over replicas: gradients that tensor-parallel ranks and the two ends of the pipeline share, the
// gradient norm, the update, with offloaded states streamed in before it and out behind it. `weights` is all that the
// rank of pipeline stage `stage` holds.
std::vector<Op> optimizer_ops(const RankShape& shape, const RankWeights& weights, std::int64_t stage);

}  // namespace supernode
