#pragma once
// A transformer language model: enough to count its parameters and FLOPs exactly.
// Read from workloads/catalog/models/*.yaml or written inline in a scenario.

#include <cstdint>
#include <string>

#include "base/spec_reader.hpp"

namespace supernode {

enum class AttentionKind { kMha, kGqa, kMla };
enum class PositionKind { kRope, kLearned, kNone };

struct AttentionSpec {
  AttentionKind kind = AttentionKind::kMha;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  // = heads for MHA and MLA
  std::int64_t head_dim = 0;  // of q, k and v; for MLA see below
  bool bias = false;          // on the projections
  bool qk_norm = false;
  // MLA (DeepSeek-V2, arXiv 2405.04434, section 2.1)
  std::int64_t q_lora_rank = 0;  // 0: q is projected directly
  std::int64_t kv_lora_rank = 0;
  std::int64_t nope_head_dim = 0, rope_head_dim = 0, v_head_dim = 0;

  // Width of one head's query (and key), and of its value.
  std::int64_t qk_head_dim() const { return kind == AttentionKind::kMla ? nope_head_dim + rope_head_dim : head_dim; }
  std::int64_t value_head_dim() const { return kind == AttentionKind::kMla ? v_head_dim : head_dim; }
};

struct MoeSpec {
  std::int64_t experts = 0;  // routed; 0 = a dense model
  std::int64_t topk = 0;
  std::int64_t ffn = 0;             // hidden size of one expert
  std::int64_t shared_experts = 0;  // each of size `ffn` unless shared_ffn is given
  std::int64_t shared_ffn = 0;      // total width of the shared branch; 0 = shared_experts · ffn
  std::int64_t first_dense = 0;     // leading layers with a dense MLP
  std::int64_t every = 1;           // of the rest, each so-many-th layer is MoE (2: the 2nd, 4th, …)
  std::int64_t node_limit = 0;      // group-limited routing: at most so many nodes a token; 0 = none
};

struct ModelSpec {
  std::string name;
  std::string source;
  std::int64_t layers = 0, hidden = 0, vocab = 0;
  std::int64_t ffn = 0;   // dense MLP hidden size
  bool gated_mlp = true;  // three matrices (SwiGLU) or two
  bool mlp_bias = false;
  std::int64_t norms_per_layer = 2;  // sandwich norms: 4
  bool norm_bias = false;            // LayerNorm (weight and bias) or RMSNorm
  bool tied_embeddings = false;
  PositionKind position = PositionKind::kRope;
  std::int64_t max_positions = 0;  // of learned positions
  AttentionSpec attention;
  MoeSpec moe;
  std::int64_t mtp_layers = 0;      // multi-token-prediction modules (DeepSeek-V3, arXiv 2412.19437, section 2.2)
  double published_parameters = 0;  // total as published, in units (671e9); 0 = none
  double published_active_parameters = 0;  // per token

  bool is_moe(std::int64_t layer) const;
  std::int64_t shared_width() const { return moe.shared_ffn ? moe.shared_ffn : moe.shared_experts * moe.ffn; }
};

void bind(ModelSpec& spec, SpecReader& reader);

// Exact parameter counts by part, MTP modules apart (published totals differ on whether they are in).
struct ParameterCount {
  double embedding = 0;  // input table (+ learned positions)
  double head = 0;       // output projection; 0 when tied
  double attention = 0, dense_mlp = 0, experts = 0, shared_experts = 0, router = 0, norms = 0;
  double mtp = 0;        // all MTP modules; their embedding and head are shared with the main model
  double total() const;  // without MTP
  double total_with_mtp() const { return total() + mtp; }
  double active = 0;  // per token, without MTP: as total but top-k of the routed experts
};
ParameterCount count_parameters(const ModelSpec& model);

// Model FLOPs of forward + backward (3 × forward matrix products) for one token of a sequence of `seq` tokens.
// Convention: causal attention counts half the square (`causal_half`), the input embedding lookup counts nothing, the
// output head counts, recomputation never counts, MTP modules count when the model has them, top-k experts and the
// router count. With causal_half = false attention counts the full square (Megatron's older convention).
double model_flops_per_token(const ModelSpec& model, std::int64_t seq, bool causal_half = true);

}  // namespace supernode
