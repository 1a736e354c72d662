#pragma once
// The parts of a transformer layer, of the input embedding, of the output head and of a multi-token-prediction module,
// as one rank of the tensor- and expert-parallel groups runs them. docs/models/step_program.md.

#include <vector>

#include "workloads/layer_part.hpp"

namespace supernode {

using LayerParts = std::vector<LayerPart>;

// The attention half: normalisation, projections, core, output projection, residual.
LayerParts attention_parts(const RankShape& shape, const LayerForm& form, EventSource& events);
// The MLP half, dense.
LayerParts mlp_parts(const RankShape& shape, EventSource& events);
// The MLP half of a MoE layer: router, shared experts, dispatch, routed experts, combine.
LayerParts moe_parts(const RankShape& shape, const LayerForm& form, EventSource& events);

// A whole transformer layer.
LayerParts layer_parts(const RankShape& shape, const LayerForm& form, EventSource& events);
// The lookup of the tokens' vectors, vocabulary sharded over the tensor-parallel ranks.
LayerParts embedding_parts(const RankShape& shape);
// Final normalisation, output projection and cross entropy, vocabulary sharded.
LayerParts head_parts(const RankShape& shape, EventSource& events);
// What an MTP module does before its layer (DeepSeek-V3, arXiv 2412.19437, section 2.2): the next token's embedding,
// two norms and the 2·hidden → hidden projection. Its layer and head are those of the model.
LayerParts mtp_input_parts(const RankShape& shape, EventSource& events);

// Appends the forward pass of the parts.
void append_forward(const LayerParts& parts, std::vector<Op>& ops);
// Appends the backward pass: first what `recompute` runs again (marked so), then the parts in reverse.
void append_backward(const LayerParts& parts, const PlanSpec& plan, Recompute recompute, std::vector<Op>& ops);
// The same in two: gradients of the inputs (with what is recomputed), then those of the weights.
void append_backward_input(const LayerParts& parts, const PlanSpec& plan, Recompute recompute, std::vector<Op>& ops);
void append_backward_weight(const LayerParts& parts, std::vector<Op>& ops);

// Does selective recomputation under this plan make the module's results again? A part runs again when any module it
// belongs to does, all of its operations, collectives included (a checkpointed module runs its whole forward pass).
bool recomputes(const PlanSpec& plan, RecomputeModule module);

}  // namespace supernode
