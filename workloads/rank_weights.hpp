#pragma once
// Parameters that one rank holds, by the unit in which they are gathered and reduced: a layer, the embedding, the head.

#include "workloads/rank_layout.hpp"

namespace supernode {

// Parameters that have gradients and optimizer states: all of them, or with LoRA the adapters alone.
struct TrainedWeights {
  double dense = 0, replicated = 0, experts = 0;   // as in RankWeights
  double dense_matrices = 0, expert_matrices = 0;  // of them in matrices of the layers: what Muon updates
  double key_value = 0;                            // of dense: key and value heads that several tensor ranks hold
  double total() const { return dense + experts; }
};

struct RankWeights {
  double dense = 0;            // the same on all replicas(): sharded by TP, or replicated over it
  double replicated = 0;       // the part of `dense` that all tensor-parallel ranks hold alike
  double experts = 0;          // routed experts of this rank; the same on PlanSpec::expert_replicas() ranks
  double matrices = 0;         // the part of dense and experts that low-precision recipes quantise
  double expert_matrices = 0;  // the part of `matrices` in experts
  TrainedWeights trained{};

  RankWeights& operator+=(const RankWeights& other);
};

RankWeights layer_weights(const ModelSpec& model, const PlanSpec& plan, const LayerForm& form);
// The input embedding.
RankWeights embedding_weights(const ModelSpec& model, const PlanSpec& plan);
// Final norm and output projection. With several stages also a copy of the embedding table when the last one needs it:
// a tied projection, MTP modules.
RankWeights head_weights(const ModelSpec& model, const PlanSpec& plan);
// One MTP module without its layer: projection and norms.
RankWeights mtp_input_weights(const ModelSpec& model, const PlanSpec& plan);
// All units of a pipeline stage together; under kDualPipe those of both copies of the model.
RankWeights stage_weights(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage);

// Ranks that share one copy of the sharded states (optimizer from ZeRO-1, gradients from 2, parameters at 3) of dense
// and of expert parameters: the members of kDataShard and kExpertShard; 1 without ZeRO.
std::int64_t dense_shards(const PlanSpec& plan);
std::int64_t expert_shards(const PlanSpec& plan);

}  // namespace supernode
