#pragma once
// How far attention reaches: keys a query attends to and keys an indexer scores, and the FLOPs that follow. What model
// FLOPs and step programs both count by. Equations: docs/models/step_program.md.

#include "workloads/model_spec.hpp"

namespace supernode {

// Means over the queries of one sequence. A causal query at place i of s sees i keys (s/2 on average), i capped at w
// under a window or a choice of w keys: w·(1 - w/(2s)) on average when w < s.
struct AttentionSpan {
  double keys = 0;    // attended to, raw and compressed ones together
  double chosen = 0;  // of these, the ones an indexer chose
  double scored = 0;  // by the indexer; 0 where the layer runs none
};

// Of one attention block of a layer of this form in sequences (or documents) of `seq` tokens. With causal_half = false
// causal attention counts as if each query saw all (Megatron's older convention); windows and top-k still cap.
AttentionSpan attention_span(const ModelSpec& model, const LayerForm& form, std::int64_t seq, bool causal_half = true);
inline double mean_keys(const ModelSpec& model, const LayerForm& form, std::int64_t seq, bool causal_half = true) {
  return attention_span(model, form, seq, causal_half).keys;
}

// Heads as the attention core sees them. MLA behind an indexer runs absorbed, all heads over the one latent (MQA mode;
// DeepSeek-V3.2-Exp report, section 2.1): a query is kv_lora_rank + rope_head_dim wide, a value kv_lora_rank.
struct CoreHeads {
  std::int64_t heads = 0, kv_heads = 0, qk_dim = 0, v_dim = 0;
};
CoreHeads core_heads(const ModelSpec& model);
bool is_absorbed(const ModelSpec& model);

// Tokens of a chunk of the state-space scan (mamba_ssm's default), and widths of a Mamba-2 layer (arXiv 2405.21060).
inline constexpr std::int64_t kScanChunk = 256;
inline std::int64_t mamba_inner(const ModelSpec& model) { return model.attention.mamba.expand * model.hidden; }
inline std::int64_t mamba_heads(const ModelSpec& model) { return mamba_inner(model) / model.attention.mamba.head_dim; }

// FLOPs, forward and backward together, that one attention block spends on a token beyond its weights: scores and
// values of the core (backward twice the forward pass; what flash attention makes again never counts), the indexer's
// scores (2·heads·head_dim a key; backward only over the keys it chose, where its loss lives), or the state-space scan.
// Not the products with weights.
double mixing_flops(const ModelSpec& model, const LayerForm& form, std::int64_t seq, bool causal_half = true);

}  // namespace supernode
