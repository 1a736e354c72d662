#pragma once
// Traffic with host memory over the host link: activations swapped out and back, optimizer states streamed.

#include <string>

#include "workloads/layer_part.hpp"

namespace supernode {

// A blocking transfer of so many bytes, one way; make_async of data_parallel_ops.hpp turns it into an asynchronous one.
Op host_op(const std::string& name, Bytes bytes);

// Of one layer and micro-batch: what leaves the device behind the forward pass and comes back before the backward
// pass. `recompute` is the layer's own.
Bytes swapped_activations(const RankShape& shape, const LayerForm& form, Recompute recompute);

}  // namespace supernode
