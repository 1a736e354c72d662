// Kept tensors of dense and expert MLPs.

#include <algorithm>

#include "base/numeric.hpp"
#include "workloads/memory_tensors.hpp"

namespace supernode {
namespace {

using enum RecomputeModule;

constexpr double kFp32 = 4;

// An MLP `width` wide per rank for `rows` tokens: outputs of the first matrices, and the activation's output, which is
// the input of the last. Nothing but the module's input stays when `module` (or `outer`) is recomputed.
void add_mlp(const ActivationSizes& s, double width, double rows, RecomputeModule module, RecomputeModule outer,
             BlockTensors& block) {
  const bool gated = s.model.gated_mlp;
  const double inputs = (gated ? 2 : 1) * width * rows;
  block.keep(s.cached * inputs, {module, outer});
  if (gated && s.stack.keeps_activated_gate) block.keep(s.element * width * rows, {kActivation, module, outer});
  // Frozen behind an adapter-free activation, the last matrix needs no input.
  const bool trained = s.plan.lora.rank == 0 || !s.plan.lora.attention_only;
  if (trained) block.keep_input(s.operand * width * rows, {kActivation, module, outer});
  if (!s.plan.lora.attention_only)
    block.keep((gated ? 3 : 2) * s.element * real(s.plan.lora.rank) * rows, {module, outer});
  block.output_gradients += s.element * inputs;
  block.working += s.element * (inputs + width * rows);
}

// Token copies this rank's experts work on: what a balanced routing sends to each, the busiest rank's share above it,
// no more than the experts take, or all that they take (padding). Ranks that share an expert see each other's tokens.
double expert_rows(const ActivationSizes& s) {
  const RoutingSpec& routing = s.plan.routing;
  double share = routing.imbalance;
  if (routing.capacity_factor > 0) {
    share = routing.pad_to_capacity ? routing.capacity_factor : std::min(share, routing.capacity_factor);
  }
  return share * s.token_shard * s.model.moe.real_topk() * real(s.plan.expert_tensor_parallel);
}

}  // namespace

BlockTensors dense_mlp_tensors(const ActivationSizes& s) {
  BlockTensors block;
  add_norm(s, block);
  add_mlp(s, real(s.model.ffn) / s.tp, s.tokens, kMlp, kMlp, block);
  block.output_gradients += s.element * s.hidden * s.token_shard;
  block.working += 2 * s.element * s.hidden * s.tokens / real(s.plan.tensor_y);  // gathered input and its gradient
  return block;
}

BlockTensors moe_tensors(const ActivationSizes& s, const LayerForm& form) {
  const MoeSpec& moe = s.model.moe;
  const double rows = expert_rows(s), split = real(s.plan.expert_tensor_parallel);
  BlockTensors block;
  add_norm(s, block);
  const double scores = real(moe.experts + moe.zero_experts) * (form.hash_routed ? 1 : 2);
  block.keep(kFp32 * scores * s.token_shard, {kMoe});                    // router logits and scores
  block.keep_input(s.operand * s.hidden * rows + kFp32 * rows, {kMoe});  // dispatched tokens and their weights
  add_mlp(s, real(moe.ffn) / split, rows, kMoe, kMoe, block);
  const double width = real(s.model.shared_width()) / s.tp;
  if (width > 0) add_mlp(s, width, s.tokens, kSharedExperts, kMoe, block);
  block.output_gradients += s.element * s.hidden * rows;
  const double exchange = bytes_per_element(s.plan.dispatch).value() + s.element;  // dispatch and combine buffers
  block.working += exchange * s.hidden * rows;
  return block;
}

}  // namespace supernode
