#pragma once
// Bytes of the weights, gradients and optimizer state of the parameters that one rank holds.

#include "workloads/memory.hpp"
#include "workloads/rank_weights.hpp"

namespace supernode {

// Fills weights, gradients and optimizer of `memory`.
void add_model_states(const PlanSpec& plan, const RankWeights& held, StageMemory& memory);

}  // namespace supernode
