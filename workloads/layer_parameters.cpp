#include "workloads/layer_parameters.hpp"

#include "base/numeric.hpp"

namespace supernode {
namespace {

AttentionMatrices mla_matrices(const ModelSpec& model) {
  const AttentionSpec& a = model.attention;
  const double hidden = real(model.hidden), heads = real(a.heads);
  const double query = heads * real(a.qk_head_dim());
  AttentionMatrices m;
  m.replicated = hidden * real(a.kv_lora_rank + a.rope_head_dim) + hidden * real(a.q_lora_rank);
  m.sharded = (a.q_lora_rank > 0 ? real(a.q_lora_rank) : hidden) * query;
  m.sharded += real(a.kv_lora_rank) * heads * real(a.nope_head_dim + a.v_head_dim);
  m.sharded += heads * real(a.v_head_dim) * hidden;
  return m;
}

}  // namespace

AttentionMatrices attention_matrices(const ModelSpec& model) {
  const AttentionSpec& a = model.attention;
  if (a.kind == AttentionKind::kMla) return mla_matrices(model);
  const double query = real(a.heads * a.head_dim), key_value = real(a.kv_heads * a.head_dim);
  return {.sharded = real(model.hidden) * (2 * query + 2 * key_value)};
}

double mlp_matrices(const ModelSpec& model, std::int64_t width) {
  return (model.gated_mlp ? 3.0 : 2.0) * real(model.hidden) * real(width);
}

Biases attention_biases(const ModelSpec& model) {
  const AttentionSpec& a = model.attention;
  if (!a.bias) return {};
  return {.sharded = real((a.heads + 2 * a.kv_heads) * a.head_dim), .replicated = real(model.hidden)};
}

Biases mlp_biases(const ModelSpec& model, std::int64_t width) {
  if (!model.mlp_bias) return {};
  return {.sharded = (model.gated_mlp ? 2.0 : 1.0) * real(width), .replicated = real(model.hidden)};
}

double norm_parameters(const ModelSpec& model, std::int64_t width) {
  return real(width) * (model.norm_bias ? 2.0 : 1.0);
}

double layer_norms(const ModelSpec& model) {
  const AttentionSpec& a = model.attention;
  double count = real(model.norms_per_layer) * norm_parameters(model, model.hidden);
  if (a.qk_norm) count += 2 * norm_parameters(model, a.qk_head_dim());
  if (a.kind == AttentionKind::kMla) count += norm_parameters(model, a.q_lora_rank + a.kv_lora_rank);
  return count;
}

double mtp_projection(const ModelSpec& model) { return 2.0 * real(model.hidden) * real(model.hidden); }

double mtp_norms(const ModelSpec& model) { return 3.0 * norm_parameters(model, model.hidden); }

bool mtp_is_moe(const ModelSpec& model) { return model.is_moe(model.layers - 1); }

}  // namespace supernode
