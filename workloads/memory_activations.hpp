#pragma once
// Activation memory of one rank for one micro-batch: what a layer keeps for its backward pass, and the temporaries that
// live only while a layer runs. Korthikanti et al. (arXiv 2205.05198, section 4), generalised to flash attention,
// grouped-query, latent, compressed attention and state spaces, gated MLPs and experts; docs/models/memory.md.

#include "workloads/plan_spec.hpp"

namespace supernode {

struct LayerActivations {
  Bytes kept{};       // from the layer's forward to its backward pass
  Bytes temporary{};  // largest extra need while the layer's backward pass runs: recomputed tensors and gradients
  Bytes deferred{};   // between the two halves of a split backward pass: inputs and output gradients of its matrices
};

// Of a layer recomputed as plan.recompute says (kFull: wholly, whatever plan.recomputed says of blocks).
LayerActivations layer_activations(const ModelSpec& model, const PlanSpec& plan, const LayerForm& form);

// Kept beside the layers on the last stage: inputs of the final norm and of the head, and the MTP modules.
Bytes last_stage_kept(const ModelSpec& model, const PlanSpec& plan);

// Logits of one micro-batch: bf16 from the head and the fp32 copies of the loss (memory_stack.hpp); each MTP module
// keeps an fp32 one too. Fused, only the bf16 ones, whose gradient replaces them.
Bytes logits_buffer(const ModelSpec& model, const PlanSpec& plan);

// One activation as it crosses a stage boundary.
Bytes boundary_activation(const ModelSpec& model, const PlanSpec& plan);

// The whole output of a row-parallel matrix product before its sum over the tensor-parallel ranks; 0 without them.
Bytes partial_sum(const ModelSpec& model, const PlanSpec& plan);

}  // namespace supernode
