#pragma once
// Parameters one rank of a pipeline stage holds, and the bytes of their weights, gradients and optimizer state.

#include "workloads/memory.hpp"

namespace supernode {

// Parameters on one rank. `dense` ones are replicated over the data-parallel ranks, `experts` over the DP·TP/EP ranks
// that hold the same experts. `matrices` of both are operands of low-precision matrix products (neither norms, biases,
// router, embedding nor head, which stay in bf16; DeepSeek-V3, arXiv 2412.19437, section 3.3.1).
struct RankParameters {
  double dense = 0, experts = 0, matrices = 0;
};
RankParameters rank_parameters(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage);

// Fills weights, gradients and optimizer of `memory`.
void add_model_states(const PlanSpec& plan, const RankParameters& parameters, StageMemory& memory);

}  // namespace supernode
