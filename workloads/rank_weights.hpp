#pragma once
// Parameters that one rank holds, by the unit in which they are gathered and reduced: a layer, the embedding, the head.

#include "workloads/plan_spec.hpp"

namespace supernode {

struct RankWeights {
  double dense = 0;       // data-parallel over all DP replicas: sharded by TP, or replicated over it
  double replicated = 0;  // the part of `dense` that all tensor-parallel ranks hold alike
  double experts = 0;     // routed experts of this rank; data-parallel over TP·DP / EP ranks
  double matrices = 0;    // the part of dense and experts that low-precision recipes quantise

  RankWeights& operator+=(const RankWeights& other);
};

RankWeights layer_weights(const ModelSpec& model, const PlanSpec& plan, bool moe);
// The input embedding.
RankWeights embedding_weights(const ModelSpec& model, const PlanSpec& plan);
// Final norm and output projection. With several stages also a copy of the embedding table when the last one needs it:
// a tied projection, MTP modules.
RankWeights head_weights(const ModelSpec& model, const PlanSpec& plan);
// One MTP module without its layer: projection and norms.
RankWeights mtp_input_weights(const ModelSpec& model, const PlanSpec& plan);
// All units of a pipeline stage together.
RankWeights stage_weights(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage);

}  // namespace supernode
