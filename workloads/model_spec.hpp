#pragma once
// A transformer language model: enough to count its parameters and FLOPs exactly.
// Read from workloads/catalog/models/*.yaml or written inline in a scenario.

#include <compare>
#include <cstdint>
#include <string>

#include "base/spec_reader.hpp"

namespace supernode {

// What mixes the tokens of a sequence: dense attention in three forms, compressed attention (DeepSeek-V4: CSA and HCA
// in turn), or a state-space layer (Mamba-2, arXiv 2405.21060).
enum class AttentionKind { kMha, kGqa, kMla, kCompressed, kMamba };
enum class PositionKind { kRope, kLearned, kAlibi, kNone };

// Picks the keys each query attends to (DeepSeek-V3.2, "lightning indexer"): `heads` light query heads of `head_dim`
// against one shared key, the best `topk` of which are attended to. 0 heads = no indexer, every key is attended to.
struct IndexerSpec {
  std::int64_t heads = 0, head_dim = 0, topk = 0;
  std::int64_t share = 1;  // so many consecutive layers use one choice (GLM-5: shared index)
};

// DeepSeek-V4's compressed attention. Layers alternate between the two ratios: `sparse_ratio` keys are merged into one
// and the indexer's top-k of them attended to (CSA); `dense_ratio` are merged and all attended to (HCA). Both also
// attend to a window of raw tokens (AttentionSpec::window). One key-value head of head_dim, shared by key and value.
struct CompressionSpec {
  std::int64_t sparse_ratio = 4, dense_ratio = 128;
  std::int64_t output_groups = 1, output_rank = 0;  // output projection: groups × (group width → rank), then → hidden
  std::int64_t window_layers = 0;                   // leading layers that attend to the window only
  std::int64_t dense_layers = 0;                    // layers behind those that are HCA before the two take turns
};

struct MambaSpec {
  std::int64_t state = 128, head_dim = 64, groups = 1, conv = 4, expand = 2;
};

struct AttentionSpec {
  AttentionKind kind = AttentionKind::kMha;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  // = heads for MHA and MLA; 1 for compressed attention
  std::int64_t head_dim = 0;  // of q, k and v; for MLA see below
  bool bias = false;          // on the query, key and value projections
  bool output_bias = false;   // on the output projection
  bool qk_norm = false;
  bool causal = true;           // false: every token attends to every other (diffusion, encoders)
  std::int64_t window = 0;      // keys a query sees at most; 0 = all
  std::int64_t full_every = 0;  // with a window: each so-many-th layer sees all; 0 = none does
  // MLA (DeepSeek-V2, arXiv 2405.04434, section 2.1); compressed attention has q_lora_rank and rope_head_dim too
  std::int64_t q_lora_rank = 0;  // 0: q is projected directly
  std::int64_t kv_lora_rank = 0;
  std::int64_t nope_head_dim = 0, rope_head_dim = 0, v_head_dim = 0;
  IndexerSpec indexer{};
  CompressionSpec compression{};  // of kCompressed
  MambaSpec mamba{};              // of kMamba

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
  // Experts that return their input (LongCat-Flash, arXiv 2509.01322, section 2.1): they take part in the routing and
  // cost nothing. A token of top-k choices uses topk · experts / (experts + zero_experts) real experts on average.
  std::int64_t zero_experts = 0;
  // Leading MoE layers whose experts a table picks by token id; the router matrix still weighs them (DeepSeek-V4, whose
  // checkpoint holds ffn.gate.weight beside ffn.gate.tid2eid).
  std::int64_t hash_layers = 0;
  bool shared_gate = false;  // a sigmoid gate on the shared branch (Qwen2-MoE): hidden parameters more
  // Shortcut-connected MoE (LongCat-Flash): a layer has two attention blocks and two dense MLPs, and the MoE takes the
  // first attention's output and joins behind the second MLP, so that its exchange runs beside the dense branch.
  bool shortcut = false;

  double expected_real = 0;  // real experts a token is steered to use on average; 0 = by chance, as above
  double real_topk() const {
    if (expected_real > 0) return expected_real;
    return static_cast<double>(topk) * static_cast<double>(experts) / static_cast<double>(experts + zero_experts);
  }
};

// What a layer is made of; layers of one form cost the same.
struct LayerForm {
  bool moe = false;
  bool windowed = false;     // attends to a window only
  bool sparse = false;       // compressed attention: CSA (with indexer), else HCA
  bool indexes = false;      // runs the indexer itself (not a neighbour's choice)
  bool hash_routed = false;  // its experts come from a table: no top-k
  auto operator<=>(const LayerForm&) const = default;
};

// A language model reads and writes tokens. A diffusion transformer denoises patches of a latent image (DiT, arXiv
// 2212.09748): no embedding table and no vocabulary, a linear patch embedding and output, and adaptive norms driven by
// the timestep.
enum class ModelKind { kLanguage, kDiffusion };

struct ModelSpec {
  std::string name;
  std::string source;
  ModelKind kind = ModelKind::kLanguage;
  std::int64_t layers = 0, hidden = 0, vocab = 0;
  std::int64_t output_vocab = 0;  // rows of the output projection where they are not the table's (GLM-Image); 0 = vocab
  std::int64_t ffn = 0;           // dense MLP hidden size; 0 with kMamba: the layer has no MLP
  bool gated_mlp = true;          // three matrices (SwiGLU) or two
  bool mlp_bias = false;
  std::int64_t norms_per_layer = 2;  // sandwich norms: 4
  bool norm_bias = false;            // LayerNorm (weight and bias) or RMSNorm
  bool embedding_norm = false;       // a norm behind the embedding (BLOOM)
  bool tied_embeddings = false;
  PositionKind position = PositionKind::kRope;
  std::int64_t max_positions = 0;  // of learned positions
  AttentionSpec attention;
  MoeSpec moe;
  std::int64_t mtp_layers = 0;        // multi-token-prediction modules (DeepSeek-V3, arXiv 2412.19437, section 2.2)
  std::int64_t residual_streams = 1;  // hyper-connections (mHC, DeepSeek-V4): the residual is so many streams wide
  double ngram_parameters = 0;        // n-gram embedding tables (LongCat-2.0): looked up, never multiplied
  // kDiffusion: values of one patch in and out; width of the vector that drives the adaptive norms and the vectors of
  // `hidden` that each layer makes of it (6, or 12 where text and image have their own); what makes that vector and
  // brings other inputs (text, a prior image) to `hidden`.
  std::int64_t patch_channels = 0, condition_width = 0, condition_vectors = 6;
  double condition_parameters = 0;
  double published_parameters = 0;         // total as published, in units (671e9); 0 = none
  bool published_with_mtp = false;         // that total holds the MTP modules
  double published_active_parameters = 0;  // per token

  bool is_moe(std::int64_t layer) const;
  LayerForm layer_form(std::int64_t layer) const;
  std::int64_t head_rows() const { return output_vocab > 0 ? output_vocab : vocab; }
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
  double active =
      0;  // per token, without MTP: as total but the real experts among the top-k (see MoeSpec::zero_experts)
};
ParameterCount count_parameters(const ModelSpec& model);

// Model FLOPs of forward + backward (3 × forward matrix products) for one token of a sequence of `seq` tokens.
// Convention: causal attention counts half the square (`causal_half`), the input embedding lookup counts nothing, the
// output head counts, recomputation never counts, MTP modules count when the model has them, top-k experts and the
// router count. With causal_half = false attention counts the full square (Megatron's older convention).
// `document`: tokens of one document when sequences are packed (attention stays inside a document); 0 = seq.
double model_flops_per_token(const ModelSpec& model, std::int64_t seq, bool causal_half = true,
                             std::int64_t document = 0);

}  // namespace supernode
