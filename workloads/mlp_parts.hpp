#pragma once
// The MLP between two tensors of `hidden` columns: shared by dense layers, shared experts and routed experts.

#include <string>
#include <vector>

#include "workloads/layer_program.hpp"

namespace supernode {

struct MlpShape {
  std::string prefix;                   // of the operations' names
  std::int64_t rows = 0;                // of one group
  std::int64_t width = 0;               // hidden size on this rank
  std::int64_t groups = 1;              // experts on this rank
  bool tensor_sharded = true;           // split over the tensor-parallel ranks, with their collectives
  bool arrives_quantised = false;       // input and gradient of the output come in the precision of the products
  std::vector<RecomputeModule> within;  // modules of selective recomputation that the whole MLP is part of
};

// Appends up projection (gate and up in one product when the model has gates), activation and down projection.
void append_mlp(const RankShape& shape, const MlpShape& mlp, EventSource& events, LayerParts& parts);

}  // namespace supernode
