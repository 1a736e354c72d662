#pragma once
// The matrix work of the Muon optimizer, distributed over the ranks that share the states (Moonlight, arXiv 2502.16982,
// sections 2.1 and 2.3). docs/models/precision_and_optimizers.md.

#include <vector>

#include "workloads/layer_part.hpp"
#include "workloads/rank_weights.hpp"

namespace supernode {

inline constexpr int kNewtonSchulzIterations = 5;

// Matrices of one shape, rows <= columns.
struct MuonMatrices {
  std::int64_t rows = 0, columns = 0;
  std::int64_t count = 0;
};

// The matrices that the busiest of the ranks that share a stage's matrices orthogonalises: each matrix has one owner,
// the largest ones dealt out first, each to the owner with the least work. Owners of dense matrices are the tensor-
// parallel ranks times dense_shards(), of experts' matrices the expert-tensor-parallel ranks times expert_shards().
std::vector<MuonMatrices> owned_matrices(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage);

// FLOPs of the Newton-Schulz iterations on one matrix: per iteration X·Xᵀ (2·r²·c), A·A (2·r³) and B·X (2·r²·c).
Flops newton_schulz_flops(double rows, double columns);

// The iterations on all owned matrices, with the exchanges that bring split matrices to their owners and the updates
// back. `trained`: what the rank of `stage` trains.
std::vector<Op> newton_schulz_ops(const RankShape& shape, const TrainedWeights& trained, std::int64_t stage);

}  // namespace supernode
