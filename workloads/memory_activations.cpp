#include "workloads/memory_activations.hpp"

#include <algorithm>

#include "base/numeric.hpp"
#include "workloads/layer_parameters.hpp"
#include "workloads/layer_program.hpp"
#include "workloads/memory_tensors.hpp"
#include "workloads/rank_layout.hpp"

namespace supernode {
namespace {

constexpr double kFp32 = 4;

// Sums of a layer's list: what stays and what is made again, and of it what the weights' gradients need.
struct Sums {
  double kept = 0, remade = 0, weight_inputs = 0, output_gradients = 0, working = 0;
};

Sums sums_of(const BlockTensors& block, const PlanSpec& plan) {
  const bool selective = plan.recompute == Recompute::kSelective;
  const auto dropped = [&](RecomputeModule module) { return selective && recomputes(plan, module); };
  Sums sums{.output_gradients = block.output_gradients, .working = block.working};
  for (const KeptTensor& tensor : block.kept) {
    const bool remade = std::any_of(tensor.modules.begin(), tensor.modules.end(), dropped);
    (remade ? sums.remade : sums.kept) += tensor.bytes;
    if (tensor.weight_input) sums.weight_inputs += tensor.bytes;
  }
  return sums;
}

// The blocks of one layer, one after another; no two work at once.
BlockTensors layer_tensors(const ActivationSizes& sizes, const LayerForm& form) {
  std::vector<BlockTensors> blocks(static_cast<std::size_t>(attention_blocks(sizes.model)),
                                   attention_tensors(sizes, form));
  for (std::int64_t i = 0; i < dense_mlps(sizes.model, form); ++i) blocks.push_back(dense_mlp_tensors(sizes));
  if (form.moe) blocks.push_back(moe_tensors(sizes, form));
  BlockTensors layer;
  for (const BlockTensors& block : blocks) layer.append(block);
  return layer;
}

}  // namespace

ActivationSizes::ActivationSizes(const ModelSpec& model, const PlanSpec& plan)
    : model(model), plan(plan), stack(stack_memory(plan.stack)) {
  tokens = real(plan.micro_batch) * real(plan.local_sequence());
  tp = real(plan.tensor_parallel);
  // Two-dimensional tensor parallelism cuts the residual stream by tokens and by channels (MindSpeed, "tp-2d").
  token_shard = plan.sequence_parallel || plan.tensor_y > 1 ? tokens / tp : tokens;
  hidden = real(model.hidden);
  const double compute = bytes_per_element(plan.compute).value();
  element = std::max(compute, bytes_per_element(Precision::kBf16).value());
  operand = compute;
  cached = std::min(element, bytes_per_element(plan.activation).value() * element / 2);
  residual = element * hidden * token_shard * real(model.residual_streams);
}

void BlockTensors::append(const BlockTensors& other) {
  kept.insert(kept.end(), other.kept.begin(), other.kept.end());
  output_gradients += other.output_gradients;
  working = std::max(working, other.working);
}

LayerActivations layer_activations(const ModelSpec& model, const PlanSpec& plan, const LayerForm& form) {
  const ActivationSizes sizes(model, plan);
  const Sums sums = sums_of(layer_tensors(sizes, form), plan);
  // Output gradients wait as the weight product's operands.
  const Bytes deferred(sums.weight_inputs + sums.output_gradients * sizes.operand / sizes.element);
  if (plan.recompute != Recompute::kFull) return {Bytes(sums.kept), Bytes(sums.remade + sums.working), deferred};
  return {Bytes(sizes.residual), Bytes(sums.kept + sums.working - sizes.residual), deferred};
}

Bytes last_stage_kept(const ModelSpec& model, const PlanSpec& plan) {
  const ActivationSizes sizes(model, plan);
  const Bytes one(sizes.element * sizes.hidden * sizes.token_shard);
  const Bytes kept = Bytes(sizes.residual) + one;  // inputs of final norm and head
  if (model.mtp_layers == 0) return kept;
  // A module keeps both norm inputs, the projection's input of twice the hidden size, its layer, and norm and head
  // inputs behind it.
  const Bytes module = 6 * one + layer_activations(model, plan, mtp_form(model)).kept;
  return kept + real(model.mtp_layers) * module;
}

Bytes logits_buffer(const ModelSpec& model, const PlanSpec& plan) {
  if (model.kind == ModelKind::kDiffusion) return Bytes(0);
  const ActivationSizes s(model, plan);
  const double logits = s.tokens * real(padded_vocab(model, plan)) / s.tp;
  if (plan.fused_loss) return Bytes(logits * s.element * (1 + real(model.mtp_layers)));
  return Bytes(logits * (s.stack.logit_bytes + s.element - 2 + kFp32 * real(model.mtp_layers)));
}

Bytes boundary_activation(const ModelSpec& model, const PlanSpec& plan) {
  return Bytes(ActivationSizes(model, plan).residual);
}

Bytes partial_sum(const ModelSpec& model, const PlanSpec& plan) {
  if (plan.tensor_parallel == 1) return Bytes(0);
  const ActivationSizes sizes(model, plan);
  return Bytes(sizes.element * sizes.hidden * sizes.tokens);
}

}  // namespace supernode
