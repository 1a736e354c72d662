#include "workloads/memory_activations.hpp"

#include <algorithm>

#include "base/numeric.hpp"
#include "workloads/layer_parameters.hpp"

namespace supernode {
namespace {

constexpr double kFp32 = 4;

// Sizes all formulas share. Tokens of one micro-batch; `token_shard` where the sequence is sharded (between the
// tensor-parallel regions, arXiv 2205.05198, section 4.2.2).
struct Sizes {
  double tokens, token_shard, tp, hidden;
  double element;  // bytes of an activation
  double operand;  // bytes of a tensor kept only as a matrix product's input: quantised in low-precision training
  double cached;   // bytes of a kept input of an activation function (arXiv 2412.19437, section 3.3.3: fp8)
};

Sizes sizes(const ModelSpec& model, const PlanSpec& plan) {
  Sizes s;
  s.tokens = real(plan.micro_batch) * real(plan.sequence_length);
  s.tp = real(plan.tensor_parallel);
  s.token_shard = plan.sequence_parallel ? s.tokens / s.tp : s.tokens;
  s.hidden = real(model.hidden);
  const double compute = bytes_per_element(plan.compute).value();
  s.element = std::max(compute, bytes_per_element(Precision::kBf16).value());
  s.operand = compute;
  s.cached = bytes_per_element(plan.activation).value();
  return s;
}

// What one block (attention or MLP) keeps, in bytes: always, and unless recomputation is selective.
struct Kept {
  double always = 0, selective = 0;
  double gradients = 0;  // largest gradients alive at once in its backward pass
};

// Norm input (the residual stream) and norm output (the next matrix product's input).
void add_norm(const Sizes& s, Kept& kept) {
  kept.always += s.element * s.hidden * s.token_shard;
  kept.selective += s.operand * s.hidden * s.token_shard;
}

// Sandwich norms: inputs of the norms behind attention and MLP.
void add_extra_norms(const ModelSpec& model, const Sizes& s, Kept& kept) {
  kept.always += std::max(0.0, real(model.norms_per_layer) - 2) * s.element * s.hidden * s.token_shard;
}

// Latents of MLA: norm inputs stay, their normed copies (inputs of the up-projections) can be recomputed.
void add_latents(const AttentionSpec& a, const Sizes& s, Kept& kept) {
  kept.always += s.element * real(a.q_lora_rank + a.kv_lora_rank + a.rope_head_dim) * s.token_shard;
  kept.selective += s.operand * real(a.q_lora_rank + a.kv_lora_rank) * s.token_shard;
}

Kept attention_kept(const ModelSpec& model, const Sizes& s) {
  const AttentionSpec& a = model.attention;
  const double head_tokens = s.tokens / s.tp;
  const double query = s.element * real(a.heads * a.qk_head_dim()) * head_tokens;
  const double key = s.element * real(a.kv_heads * a.qk_head_dim()) * head_tokens;
  const double value = s.element * real(a.kv_heads * a.value_head_dim()) * head_tokens;
  const double output = s.element * real(a.heads * a.value_head_dim()) * head_tokens;
  Kept kept;
  add_norm(s, kept);
  add_extra_norms(model, s, kept);
  const bool mla = a.kind == AttentionKind::kMla;
  if (mla) add_latents(a, s, kept);
  (mla ? kept.selective : kept.always) += query + key + value;
  if (a.qk_norm) kept.selective += query + key;  // normed copies
  kept.always +=
      output + kFp32 * real(a.heads) * head_tokens;  // flash attention keeps its output and a log-sum-exp a row
  if (s.operand < s.element) kept.always += output * s.operand / s.element;  // quantised input of the projection
  kept.gradients = query + key + value + output;
  return kept;
}

// An MLP `width` wide per rank for `rows` tokens: outputs of the first matrices stay, the activation's output (input of
// the last matrix) can be recomputed.
void add_mlp(const ModelSpec& model, const Sizes& s, double width, double rows, Kept& kept) {
  const double inputs = (model.gated_mlp ? 2 : 1) * width * rows;
  kept.always += s.cached * inputs;
  kept.selective += s.operand * width * rows;
  kept.gradients += s.element * (inputs + width * rows);
}

Kept dense_kept(const ModelSpec& model, const Sizes& s) {
  Kept kept;
  add_norm(s, kept);
  add_mlp(model, s, real(model.ffn) / s.tp, s.tokens, kept);
  kept.gradients += 2 * s.element * s.hidden * s.tokens;  // gathered input and its gradient
  return kept;
}

// Balanced routing: each rank receives as many token copies as it sends, top-k of its shard.
Kept moe_kept(const ModelSpec& model, const PlanSpec& plan, const Sizes& s) {
  const double rows = s.token_shard * real(model.moe.topk);
  Kept kept;
  add_norm(s, kept);
  kept.always += 2 * kFp32 * real(model.moe.experts) * s.token_shard;  // router logits and scores
  kept.always += s.operand * s.hidden * rows + kFp32 * rows;           // dispatched tokens and their weights
  add_mlp(model, s, real(model.moe.ffn), rows, kept);
  if (model.shared_width() > 0) add_mlp(model, s, real(model.shared_width()) / s.tp, s.tokens, kept);
  const double exchange = bytes_per_element(plan.dispatch).value() + s.element;  // dispatch and combine buffers
  kept.gradients += exchange * s.hidden * rows;
  return kept;
}

}  // namespace

Bytes boundary_activation(const ModelSpec& model, const PlanSpec& plan) {
  const Sizes s = sizes(model, plan);
  return Bytes(s.element * s.hidden * s.token_shard);
}

LayerActivations layer_activations(const ModelSpec& model, const PlanSpec& plan, bool moe) {
  const Sizes s = sizes(model, plan);
  const Kept attention = attention_kept(model, s);
  const Kept mlp = moe ? moe_kept(model, plan, s) : dense_kept(model, s);
  const double always = attention.always + mlp.always, selective = attention.selective + mlp.selective;
  const double gradients = std::max(attention.gradients, mlp.gradients);
  switch (plan.recompute) {
    case Recompute::kNone:
      return {Bytes(always + selective), Bytes(gradients)};
    case Recompute::kSelective:
      return {Bytes(always), Bytes(gradients + selective)};
    case Recompute::kFull:
      break;
  }
  const Bytes input = boundary_activation(model, plan);
  return {input, Bytes(always + selective + gradients) - input};
}

Bytes last_stage_kept(const ModelSpec& model, const PlanSpec& plan) {
  const Bytes residual = boundary_activation(model, plan);
  Bytes kept = 2 * residual;  // inputs of final norm and head
  if (model.mtp_layers == 0) return kept;
  // A module keeps both norm inputs, the projection's input of twice the hidden size, its layer, and norm and head
  // inputs behind it.
  const Bytes module = 6 * residual + layer_activations(model, plan, mtp_is_moe(model)).kept;
  return kept + real(model.mtp_layers) * module;
}

Bytes logits_buffer(const ModelSpec& model, const PlanSpec& plan) {
  const Sizes s = sizes(model, plan);
  const double logits = s.tokens * real(model.vocab) / s.tp;
  return Bytes(logits * (s.element + kFp32 * (1 + real(model.mtp_layers))));
}

}  // namespace supernode
