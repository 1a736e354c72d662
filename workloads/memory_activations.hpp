#pragma once
// Activation memory of one rank for one micro-batch: what a layer keeps for its backward pass, and the temporaries that
// live only while a layer runs. Korthikanti et al. (arXiv 2205.05198, section 4), generalised to flash attention,
// grouped-query and latent attention, gated MLPs and experts; equations in docs/models/memory.md.

#include "workloads/plan_spec.hpp"

namespace supernode {

struct LayerActivations {
  Bytes kept{};       // from the layer's forward to its backward pass
  Bytes temporary{};  // largest extra need while the layer's backward pass runs: recomputed tensors and gradients
};
LayerActivations layer_activations(const ModelSpec& model, const PlanSpec& plan, bool moe);

// Kept beside the layers on the last stage: inputs of the final norm and of the head, and the MTP modules.
Bytes last_stage_kept(const ModelSpec& model, const PlanSpec& plan);

// Logits of one micro-batch: bf16 from the head, fp32 for the loss, whose gradient replaces it in place (Megatron's
// vocab-parallel cross entropy); each MTP module keeps an fp32 one too.
Bytes logits_buffer(const ModelSpec& model, const PlanSpec& plan);

// One activation as it crosses a stage boundary.
Bytes boundary_activation(const ModelSpec& model, const PlanSpec& plan);

}  // namespace supernode
