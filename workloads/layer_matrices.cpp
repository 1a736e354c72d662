#include "workloads/layer_matrices.hpp"

#include <algorithm>

#include "base/numeric.hpp"
#include "workloads/layer_parameters.hpp"

namespace supernode {

namespace {

using enum MatrixSpread;
using Matrices = std::vector<LayerMatrix>;

LayerMatrix projection(double in, double out, MatrixSpread spread, double count) {
  return {.in = in, .out = out, .count = count, .spread = spread, .attention = true};
}

void append_heads(const ModelSpec& model, double blocks, Matrices& to) {
  const AttentionSpec& a = model.attention;
  const double hidden = real(model.hidden), query = real(a.heads * a.head_dim);
  to.push_back(projection(hidden, query, kColumn, blocks));
  to.push_back(projection(hidden, real(a.kv_heads * a.head_dim), kColumn, 2 * blocks));
  to.push_back(projection(query, hidden, kRow, blocks));
}

void append_latent(const ModelSpec& model, double blocks, Matrices& to) {
  const AttentionSpec& a = model.attention;
  const double hidden = real(model.hidden), query = real(a.heads * a.qk_head_dim());
  if (a.q_lora_rank > 0) to.push_back(projection(hidden, real(a.q_lora_rank), kReplicated, blocks));
  to.push_back(projection(a.q_lora_rank > 0 ? real(a.q_lora_rank) : hidden, query, kColumn, blocks));
  to.push_back(projection(hidden, real(a.kv_lora_rank + a.rope_head_dim), kReplicated, blocks));
  to.push_back(projection(real(a.kv_lora_rank), real(a.heads * (a.nope_head_dim + a.v_head_dim)), kColumn, blocks));
  to.push_back(projection(real(a.heads * a.v_head_dim), hidden, kRow, blocks));
}

double elements_of(const Matrices& matrices, bool replicated) {
  double total = 0;
  for (const LayerMatrix& m : matrices) total += (m.spread == kReplicated) == replicated ? m.elements() : 0;
  return total;
}

// What the projections above leave of the layer's attention matrices.
void append_rest(const ModelSpec& model, const LayerForm& form, double blocks, Matrices& to) {
  const AttentionMatrices all = attention_matrices(model, form);
  const double hidden = real(model.hidden);
  const double sharded = blocks * all.sharded - elements_of(to, false);
  const double replicated = blocks * all.replicated - elements_of(to, true);
  if (sharded > 0.5) to.push_back(projection(hidden, sharded / hidden / blocks, kColumn, blocks));
  if (replicated > 0.5) to.push_back(projection(hidden, replicated / hidden / blocks, kReplicated, blocks));
}

void append_mlp(const ModelSpec& model, std::int64_t width, double count, bool expert, Matrices& to) {
  if (width == 0 || count == 0) return;
  const double hidden = real(model.hidden), gates = model.gated_mlp ? 2 : 1;
  to.push_back({.in = hidden, .out = real(width), .count = gates * count, .spread = kColumn, .expert = expert});
  to.push_back({.in = real(width), .out = hidden, .count = count, .spread = kRow, .expert = expert});
}

}  // namespace

std::vector<LayerMatrix> layer_matrices(const ModelSpec& model, const LayerForm& form) {
  const double blocks = real(attention_blocks(model));
  const AttentionKind kind = model.attention.kind;
  Matrices all;
  if (kind == AttentionKind::kMla) append_latent(model, blocks, all);
  if (kind == AttentionKind::kMha || kind == AttentionKind::kGqa) append_heads(model, blocks, all);
  append_rest(model, form, blocks, all);
  append_mlp(model, model.ffn, real(dense_mlps(model, form)), false, all);
  if (!form.moe) return all;
  append_mlp(model, model.shared_width(), 1, false, all);
  append_mlp(model, model.moe.ffn, real(model.moe.experts), true, all);
  const double router = router_matrix(model, form);
  if (router > 0) {
    all.push_back(
        {.in = real(model.hidden), .out = router / real(model.hidden), .spread = kReplicated, .router = true});
  }
  return all;
}

LayerMatrix mtp_matrix(const ModelSpec& model) { return {.in = 2 * real(model.hidden), .out = real(model.hidden)}; }

}  // namespace supernode
