#include "workloads/attention_span.hpp"

#include <algorithm>

#include "base/numeric.hpp"

namespace supernode {

namespace {

// Mean keys of a query that sees the ones before it (or all `keys`), but at most `limit`; 0 = no limit.
double capped(double keys, std::int64_t limit, bool half) {
  if (limit == 0 || real(limit) >= keys) return half ? keys / 2 : keys;
  return half ? real(limit) * (1 - real(limit) / (2 * keys)) : real(limit);
}

AttentionSpan compressed_span(const AttentionSpec& a, const LayerForm& form, double seq, bool half) {
  AttentionSpan span{.keys = capped(seq, a.window, half)};
  if (form.windowed) return span;
  const CompressionSpec& c = a.compression;
  const double merged = seq / real(form.sparse ? c.sparse_ratio : c.dense_ratio);
  const double far = capped(merged, form.sparse ? a.indexer.topk : 0, half);
  span.keys += far;
  if (form.sparse) span.chosen = far;
  if (form.indexes) span.scored = half ? merged / 2 : merged;
  return span;
}

// The four products of a chunk (arXiv 2405.21060, section 6): scores of its positions, their product with the values,
// the state it leaves, and what the state before it adds.
double scan_flops(const ModelSpec& model, std::int64_t seq) {
  const MambaSpec& m = model.attention.mamba;
  const double chunk = real(std::min(seq, kScanChunk)), inner = real(mamba_inner(model));
  return 2 * chunk * (real(m.groups * m.state) + inner) + 4 * real(m.state) * inner;
}

}  // namespace

AttentionSpan attention_span(const ModelSpec& model, const LayerForm& form, std::int64_t seq, bool causal_half) {
  const AttentionSpec& a = model.attention;
  const bool half = causal_half && a.causal;
  if (a.kind == AttentionKind::kMamba) return {};
  if (a.kind == AttentionKind::kCompressed) return compressed_span(a, form, real(seq), half);
  if (a.indexer.heads > 0) {
    const double scored = half ? real(seq) / 2 : real(seq);
    const double chosen = capped(real(seq), a.indexer.topk, half);
    return {.keys = chosen, .chosen = chosen, .scored = form.indexes ? scored : 0};
  }
  return {.keys = capped(real(seq), form.windowed ? a.window : 0, half)};
}

bool is_absorbed(const ModelSpec& model) {
  return model.attention.kind == AttentionKind::kMla && model.attention.indexer.heads > 0;
}

CoreHeads core_heads(const ModelSpec& model) {
  const AttentionSpec& a = model.attention;
  if (is_absorbed(model)) return {a.heads, 1, a.kv_lora_rank + a.rope_head_dim, a.kv_lora_rank};
  const bool grouped = a.kind == AttentionKind::kGqa || a.kind == AttentionKind::kCompressed;
  return {a.heads, grouped ? a.kv_heads : a.heads, a.qk_head_dim(), a.value_head_dim()};
}

double mixing_flops(const ModelSpec& model, const LayerForm& form, std::int64_t seq, bool causal_half) {
  if (model.attention.kind == AttentionKind::kMamba) return 3 * scan_flops(model, seq);
  const AttentionSpan span = attention_span(model, form, seq, causal_half);
  const CoreHeads core = core_heads(model);
  const IndexerSpec& index = model.attention.indexer;
  const double pair = 2 * real(index.heads * index.head_dim);
  double flops = 3 * 2 * span.keys * real(core.heads * (core.qk_dim + core.v_dim));
  if (span.scored > 0) flops += pair * (span.scored + 2 * span.chosen);
  return flops;
}

}  // namespace supernode
