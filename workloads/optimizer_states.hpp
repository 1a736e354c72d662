#pragma once
// What the optimizer keeps for each parameter. docs/models/precision_and_optimizers.md.

#include "workloads/rank_weights.hpp"

namespace supernode {

// Are there master weights apart from the weights? Only when they are wider: weights held in fp32 are their own.
bool has_master(const PlanSpec& plan);
// Bytes of a master weight beside the weight: its lower half where the weight is the upper one (MindSpeed's
// --reuse-fp32-param); 0 when there is none apart.
Bytes master_bytes(const PlanSpec& plan);

// Moments of one parameter: Adam 2; SGD 1 (momentum); Muon 1 for a matrix of a layer (arXiv 2502.16982, section 2.1)
// and Adam's 2 for all else.
std::int64_t moments(const PlanSpec& plan, bool layer_matrix);

// Trained parameters of one rank's shard: what it updates. `matrices` those that Muon updates (0 for other kinds).
struct UpdatedParameters {
  double matrices = 0, others = 0;
  double total() const { return matrices + others; }
};
UpdatedParameters updated_parameters(const PlanSpec& plan, const TrainedWeights& trained);

// Master weights and moments that one rank keeps, wherever they stand (device, or host with offloading).
Bytes optimizer_bytes(const PlanSpec& plan, const TrainedWeights& trained);

}  // namespace supernode
