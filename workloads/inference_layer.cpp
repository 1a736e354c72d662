#include "workloads/inference_layer.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/numeric.hpp"
#include "workloads/attention_span.hpp"
#include "workloads/layer_parameters.hpp"

namespace supernode {

namespace {

std::int64_t rounded_up(double value) { return std::max<std::int64_t>(1, std::llround(std::ceil(value))); }

}  // namespace

// --- pieces
// -----------------------------------------------------------------------------------------------------------

void InferenceLayer::gemm(std::string name, std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t groups) {
  const GemmKernel kernel{.m = m, .n = n, .k = k, .groups = groups, .precision = plan_.weight};
  ops_.push_back({std::move(name), Kernel(kernel), beside_});
}

// Activations between matrix products are bf16; quantising their results is fused into what makes them.
void InferenceLayer::vector(std::string name, VectorKind kind, double read_elements, double written_elements) {
  const Bytes element = bytes_per_element(Precision::kBf16);
  ops_.push_back(
      {std::move(name), Kernel(VectorKernel{kind, read_elements * element, written_elements * element, {}}), beside_});
}

// Adds the branch to the residual and normalises: reads both, writes both.
void InferenceLayer::norm(std::string name, std::int64_t rows, std::int64_t width) {
  vector(std::move(name), VectorKind::kNorm, 2 * real(rows) * real(width), 2 * real(rows) * real(width));
}

void InferenceLayer::tensor_exchange(std::string name, CollectiveOp op, std::int64_t rows) {
  if (plan_.tensor_parallel == 1) return;
  const Bytes bytes = real(rows) * real(model_.hidden) * bytes_per_element(Precision::kBf16);
  ops_.push_back({std::move(name), InferenceExchange{{op, bytes, {}}, InferenceGroup::kTensor}, beside_});
}

// --- attention
// --------------------------------------------------------------------------------------------------------

// Down-projections are replicated over the tensor-parallel ranks. Decoding multiplies the query by the keys'
// up-projection (absorbed) and leaves the cache latent; a prefill projects its latents up.
void InferenceLayer::latent_projections() {
  const AttentionSpec& a = model_.attention;
  const std::int64_t heads = a.heads / plan_.tensor_parallel, latent = a.kv_lora_rank + a.rope_head_dim;
  gemm("attn.down", rows_, a.q_lora_rank + latent, model_.hidden);
  vector("attn.latent_norm", VectorKind::kNorm, real(rows_ * (a.q_lora_rank + latent)),
         real(rows_ * (a.q_lora_rank + latent)));
  gemm("attn.q_up", rows_, heads * a.qk_head_dim(), a.q_lora_rank > 0 ? a.q_lora_rank : model_.hidden);
  vector("attn.rope", VectorKind::kRope, real(rows_ * heads * a.rope_head_dim), real(rows_ * heads * a.rope_head_dim));
  if (pass_.prefill)
    gemm("attn.kv_up", rows_, heads * (a.nope_head_dim + a.v_head_dim), a.kv_lora_rank);
  else
    gemm("attn.q_absorb", rows_, a.kv_lora_rank, a.nope_head_dim, heads);
}

void InferenceLayer::latent_output() {
  const AttentionSpec& a = model_.attention;
  const std::int64_t heads = a.heads / plan_.tensor_parallel;
  if (!pass_.prefill) gemm("attn.v_up", rows_, a.v_head_dim, a.kv_lora_rank, heads);
  gemm("attn.out", rows_, model_.hidden, heads * a.v_head_dim);
}

// One head and one shared key of the indexer against every position, then the choice of the best.
void InferenceLayer::indexer() {
  const IndexerSpec& index = model_.attention.indexer;
  const bool merged = model_.attention.kind == AttentionKind::kCompressed;
  const double ratio = merged ? real(model_.attention.compression.sparse_ratio) : 1;
  const double keys = (pass_.prefill ? real(pass_.new_tokens) / 2 : pass_.context) / ratio;
  gemm("attn.index_query", rows_, index.heads * index.head_dim,
       model_.attention.q_lora_rank > 0 ? model_.attention.q_lora_rank : model_.hidden);
  DecodeAttention scores{
      .sequences = pass_.sequences, .rows = index.heads * pass_.new_tokens, .keys = keys, .qk_width = index.head_dim};
  scores.key_value = real(index.head_dim) * bytes_per_element(plan_.cache);
  ops_.push_back({"attn.index_scores", scores, beside_});
  vector("attn.index_topk", VectorKind::kRouter, 2 * real(rows_) * keys, real(rows_ * index.topk));
}

void InferenceLayer::prefill_core(const LayerForm& form) {
  const CoreHeads core = core_heads(model_);
  const double keys = mean_keys(model_, form, pass_.new_tokens);
  const bool whole = keys >= 0.5 * real(pass_.new_tokens);
  AttentionKernel kernel{.batch = pass_.sequences,
                         .heads = core.heads / plan_.tensor_parallel,
                         .kv_heads = std::max<std::int64_t>(1, core.kv_heads / plan_.tensor_parallel),
                         .seq_q = pass_.new_tokens,
                         .seq_kv = whole ? pass_.new_tokens : rounded_up(keys),
                         .head_dim = core.qk_dim,
                         .head_dim_v = core.v_dim,
                         .causal = whole && model_.attention.causal};
  ops_.push_back({"attn.core", Kernel(kernel), beside_});
}

void InferenceLayer::decode_core(const LayerForm& form) {
  const CoreHeads core = core_heads(model_);
  const AttentionSpec& a = model_.attention;
  const bool shared = latent() || a.kind == AttentionKind::kCompressed;  // one head is key and value at once
  DecodeAttention attention;
  attention.sequences = pass_.sequences;
  attention.kv_heads = shared ? 1 : std::max<std::int64_t>(1, core.kv_heads / plan_.tensor_parallel);
  attention.rows = core.heads / plan_.tensor_parallel / attention.kv_heads * pass_.new_tokens;
  attention.keys = mean_keys(model_, form, std::max<std::int64_t>(1, std::llround(pass_.context)), false);
  attention.qk_width = latent() ? a.kv_lora_rank + a.rope_head_dim : core.qk_dim;
  attention.v_width = latent() ? a.kv_lora_rank : core.v_dim;
  const std::int64_t kept = shared ? attention.qk_width : attention.qk_width + attention.v_width;
  attention.key_value = real(kept) * bytes_per_element(plan_.cache);
  ops_.push_back({"attn.core", attention, beside_});
}

void InferenceLayer::core(const LayerForm& form) {
  if (form.indexes) indexer();
  if (pass_.prefill)
    prefill_core(form);
  else
    decode_core(form);
}

// A state-space layer reads and writes its states once a step whatever the context.
void InferenceLayer::state_space() {
  const MambaSpec& m = model_.attention.mamba;
  const double inner = real(mamba_inner(model_)) / real(plan_.tensor_parallel);
  const double states = real(pass_.sequences) * inner * real(m.state);
  const double rows = real(rows_) * inner;
  vector("mamba.scan", VectorKind::kElementwise, states + 2 * rows, states + rows);
}

void InferenceLayer::attention(const LayerForm& form) {
  const AttentionSpec& a = model_.attention;
  norm("attn.norm", rows_, model_.hidden);
  if (latent()) {
    latent_projections();
    core(form);
    latent_output();
  } else {
    // Input and output projections by their parameters: output heads × value width, the rest before the core.
    const double all = attention_matrices(model_, form).total() / real(plan_.tensor_parallel);
    const bool mamba = a.kind == AttentionKind::kMamba;
    const std::int64_t out = (mamba ? mamba_inner(model_) : a.heads * a.value_head_dim()) / plan_.tensor_parallel;
    const std::int64_t before = rounded_up(all / real(model_.hidden)) - out;
    gemm("attn.qkv", rows_, std::max<std::int64_t>(1, before), model_.hidden);
    if (!mamba) vector("attn.rope", VectorKind::kRope, real(rows_ * before), real(rows_ * before));
    if (mamba)
      state_space();
    else
      core(form);
    gemm("attn.out", rows_, model_.hidden, out);
  }
  const bool scatter = form.moe && spread();
  tensor_exchange("attn.reduce", scatter ? CollectiveOp::kReduceScatter : CollectiveOp::kAllReduce, rows_);
}

// --- MLP
// --------------------------------------------------------------------------------------------------------------

void InferenceLayer::dense_mlp(const std::string& name, std::int64_t width, std::int64_t rows, bool sharded) {
  const std::int64_t own = sharded ? width / plan_.tensor_parallel : width;
  gemm(name + ".up", rows, (model_.gated_mlp ? 2 : 1) * own, model_.hidden);
  vector(name + ".act", VectorKind::kElementwise, (model_.gated_mlp ? 2.0 : 1.0) * real(rows * own), real(rows * own));
  gemm(name + ".down", rows, model_.hidden, own);
}

// `rows` token copies over `groups` experts of this rank. A step of few tokens does not reach every expert.
void InferenceLayer::routed(double rows, std::int64_t groups, std::int64_t width) {
  const double tokens = rows * real(model_.moe.experts) / (real(groups) * model_.moe.real_topk());
  const double missed = std::pow(1 - model_.moe.real_topk() / real(model_.moe.experts), tokens);
  const std::int64_t active = std::clamp<std::int64_t>(std::llround(real(groups) * (1 - missed)), 1, groups);
  const std::int64_t m = rounded_up(rows * plan_.imbalance / real(active));
  gemm("moe.up", m, (model_.gated_mlp ? 2 : 1) * width, model_.hidden, active);
  vector("moe.act", VectorKind::kElementwise, (model_.gated_mlp ? 2.0 : 1.0) * real(m * active * width),
         real(m * active * width));
  gemm("moe.down", m, model_.hidden, width, active);
}

// Each rank sends its share of the replica's tokens to the ranks of their experts and gets the results back; a decoding
// step by the kernels made for it.
void InferenceLayer::exchange_experts() {
  const MoeSpec& moe = model_.moe;
  const std::int64_t ranks = plan_.expert_parallel, rows = local_rows();
  const TokenRouting routing{.topk = std::max<std::int64_t>(1, std::llround(moe.real_topk())),
                             .experts = moe.experts,
                             .node_limit = moe.node_limit,
                             .low_latency = !pass_.prefill,
                             .tokens = real(rows)};
  const double elements = real(rows) * real(model_.hidden);
  const auto exchange = [&](std::string name, CollectiveOp op, Precision precision) {
    const CollectiveCall call{op, elements * bytes_per_element(precision), routing};
    ops_.push_back({std::move(name), InferenceExchange{call, InferenceGroup::kExpert}, false});
  };
  exchange("moe.dispatch", CollectiveOp::kEpDispatch, plan_.dispatch);
  routed(real(rows) * moe.real_topk(), std::max<std::int64_t>(1, moe.experts / ranks), moe.ffn);
  exchange("moe.combine", CollectiveOp::kEpCombine, Precision::kBf16);
}

void InferenceLayer::experts(const LayerForm& form) {
  const MoeSpec& moe = model_.moe;
  const std::int64_t rows = spread() ? local_rows() : rows_;
  norm("moe.norm", rows, model_.hidden);
  if (router_matrix(model_, form) > 0) gemm("moe.router", rows, moe.experts + moe.zero_experts, model_.hidden);
  vector("moe.gate", VectorKind::kRouter, 2 * real(rows * (moe.experts + moe.zero_experts)), real(rows * moe.topk));
  if (spread()) {
    exchange_experts();
    if (model_.shared_width() > 0) dense_mlp("moe.shared", model_.shared_width(), rows, false);
    tensor_exchange("moe.gather", CollectiveOp::kAllGather, rows_);
    return;
  }
  // All ranks of the replica have all tokens: each adds its experts' part.
  const double copies = real(rows) * moe.real_topk();
  vector("moe.permute", VectorKind::kPermute, 2 * copies * real(model_.hidden), 2 * copies * real(model_.hidden));
  routed(copies / real(plan_.expert_parallel), moe.experts / plan_.expert_parallel,
         moe.ffn * plan_.expert_parallel / plan_.tensor_parallel);
  if (model_.shared_width() > 0) dense_mlp("moe.shared", model_.shared_width(), rows, true);
  tensor_exchange("moe.reduce", CollectiveOp::kAllReduce, rows_);
}

// --- whole
// --------------------------------------------------------------------------------------------------------------

std::vector<InferenceOp> InferenceLayer::layer(const LayerForm& form) {
  attention(form);
  if (form.moe) experts(form);
  beside_ = form.moe;
  for (std::int64_t i = 1; i < attention_blocks(model_); ++i) attention(form);
  for (std::int64_t i = 0; i < dense_mlps(model_, form); ++i) {
    norm("mlp.norm", rows_, model_.hidden);
    dense_mlp("mlp", model_.ffn, rows_, true);
    tensor_exchange("mlp.reduce", CollectiveOp::kAllReduce, rows_);
  }
  beside_ = false;
  return std::exchange(ops_, {});
}

// A prefill needs the last token of each sequence only. Sampling reads the logits, in fp32, to normalise, to filter and
// to draw.
std::vector<InferenceOp> InferenceLayer::head() {
  const std::int64_t rows = pass_.prefill ? pass_.sequences : rows_;
  const std::int64_t share = model_.vocab / plan_.tensor_parallel;
  norm("head.norm", rows, model_.hidden);
  ops_.push_back({"head.logits", Kernel(GemmKernel{.m = rows, .n = share, .k = model_.hidden}), false});
  if (plan_.tensor_parallel > 1) {
    const CollectiveCall call{
        CollectiveOp::kAllGather, real(rows) * real(model_.vocab) * bytes_per_element(Precision::kBf16), {}};
    ops_.push_back({"head.gather", InferenceExchange{call, InferenceGroup::kTensor}, false});
  }
  constexpr double kSamplingReads = 3, kFp32OverBf16 = 2;
  vector("head.sample", VectorKind::kSoftmax, kSamplingReads * kFp32OverBf16 * real(rows) * real(model_.vocab),
         real(rows));
  return std::exchange(ops_, {});
}

std::vector<InferenceOp> InferenceLayer::draft_input() {
  norm("draft.norm", 2 * rows_, model_.hidden);
  gemm("draft.projection", rows_, model_.hidden / plan_.tensor_parallel, 2 * model_.hidden);
  tensor_exchange("draft.gather", CollectiveOp::kAllGather, rows_);
  return std::exchange(ops_, {});
}

}  // namespace supernode
