#include "workloads/layer_parameters.hpp"

namespace supernode {
namespace {

double d(std::int64_t value) { return static_cast<double>(value); }

AttentionMatrices mla_matrices(const ModelSpec& model) {
  const AttentionSpec& a = model.attention;
  const double hidden = d(model.hidden), heads = d(a.heads);
  const double query = heads * d(a.qk_head_dim());
  AttentionMatrices m;
  m.replicated = hidden * d(a.kv_lora_rank + a.rope_head_dim) + hidden * d(a.q_lora_rank);
  m.sharded = (a.q_lora_rank > 0 ? d(a.q_lora_rank) : hidden) * query;
  m.sharded += d(a.kv_lora_rank) * heads * d(a.nope_head_dim + a.v_head_dim);
  m.sharded += heads * d(a.v_head_dim) * hidden;
  return m;
}

}  // namespace

AttentionMatrices attention_matrices(const ModelSpec& model) {
  const AttentionSpec& a = model.attention;
  if (a.kind == AttentionKind::kMla) return mla_matrices(model);
  const double query = d(a.heads * a.head_dim), key_value = d(a.kv_heads * a.head_dim);
  return {.sharded = d(model.hidden) * (2 * query + 2 * key_value)};
}

double mlp_matrices(const ModelSpec& model, std::int64_t width) {
  return (model.gated_mlp ? 3.0 : 2.0) * d(model.hidden) * d(width);
}

Biases attention_biases(const ModelSpec& model) {
  const AttentionSpec& a = model.attention;
  if (!a.bias) return {};
  return {.sharded = d((a.heads + 2 * a.kv_heads) * a.head_dim), .replicated = d(model.hidden)};
}

Biases mlp_biases(const ModelSpec& model, std::int64_t width) {
  if (!model.mlp_bias) return {};
  return {.sharded = (model.gated_mlp ? 2.0 : 1.0) * d(width), .replicated = d(model.hidden)};
}

double norm_parameters(const ModelSpec& model, std::int64_t width) { return d(width) * (model.norm_bias ? 2.0 : 1.0); }

double layer_norms(const ModelSpec& model) {
  const AttentionSpec& a = model.attention;
  double count = d(model.norms_per_layer) * norm_parameters(model, model.hidden);
  if (a.qk_norm) count += 2 * norm_parameters(model, a.qk_head_dim());
  if (a.kind == AttentionKind::kMla) count += norm_parameters(model, a.q_lora_rank + a.kv_lora_rank);
  return count;
}

double mtp_projection(const ModelSpec& model) { return 2.0 * d(model.hidden) * d(model.hidden); }

double mtp_norms(const ModelSpec& model) { return 3.0 * norm_parameters(model, model.hidden); }

bool mtp_is_moe(const ModelSpec& model) { return model.is_moe(model.layers - 1); }

}  // namespace supernode
