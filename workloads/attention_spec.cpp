// Reads and checks the attention part of a model.

#include <fmt/format.h>

#include <array>
#include <span>

#include "workloads/model_spec_parts.hpp"

namespace supernode {
namespace {

constexpr std::array<Choice<AttentionKind>, 5> kAttentionKinds = {{
    {"mha", AttentionKind::kMha},
    {"gqa", AttentionKind::kGqa},
    {"mla", AttentionKind::kMla},
    {"compressed", AttentionKind::kCompressed},
    {"mamba", AttentionKind::kMamba},
}};

constexpr IntegerRange kPositive{.min = 1, .max = 1 << 24};

// Keys that only some kinds have; `kinds` names them in the message.
void refuse(SpecReader& r, std::span<const std::string_view> keys, std::string_view kinds) {
  for (std::string_view key : keys) {
    if (r.has(key)) r.error(key, fmt::format("'{}' belongs to attention of kind {} only", key, kinds));
  }
}

constexpr std::array<std::string_view, 3> kMlaKeys = {"kv_lora_rank", "nope_head_dim", "v_head_dim"};
constexpr std::array<std::string_view, 2> kLatentKeys = {"q_lora_rank", "rope_head_dim"};
constexpr std::array<std::string_view, 1> kIndexerKeys = {"indexer"};
constexpr std::array<std::string_view, 1> kCompressionKeys = {"compression"};
constexpr std::array<std::string_view, 1> kMambaKeys = {"mamba"};
constexpr std::array<std::string_view, 8> kAttentionOnly = {"heads",   "kv_heads", "head_dim", "output_bias",
                                                            "qk_norm", "causal",   "window",   "full_every"};

void refuse_latent(SpecReader& r) {
  refuse(r, kMlaKeys, "mla");
  refuse(r, kLatentKeys, "mla and compressed");
}

void check_mla(AttentionSpec& a, SpecReader& r) {
  constexpr std::string_view kWhy = "attention of kind mla needs it";
  need_key(r, "kv_lora_rank", a.kv_lora_rank, kWhy);
  need_key(r, "nope_head_dim", a.nope_head_dim, kWhy);
  need_key(r, "rope_head_dim", a.rope_head_dim, kWhy);
  need_key(r, "v_head_dim", a.v_head_dim, kWhy);
  if (r.has("head_dim")) r.error("head_dim", "mla has no head_dim; it has nope_head_dim, rope_head_dim and v_head_dim");
  if (r.has("kv_heads") && a.kv_heads != a.heads) {
    r.error("kv_heads",
            fmt::format("kv_heads is {} but mla has as many as heads ({}); leave it out", a.kv_heads, a.heads));
  }
  if (a.indexer.heads > 0 && a.q_lora_rank == 0) {
    r.error("indexer", "the indexer reads the latent of the queries; state q_lora_rank");
  }
  a.kv_heads = a.heads;
  a.head_dim = a.qk_head_dim();
}

void check_mha(AttentionSpec& a, SpecReader& r) {
  if (r.has("kv_heads") && a.kv_heads != a.heads) {
    r.error("kv_heads",
            fmt::format("kv_heads is {} but mha has as many as heads ({}); use kind: gqa", a.kv_heads, a.heads));
  }
  a.kv_heads = a.heads;
}

void check_gqa(AttentionSpec& a, SpecReader& r) {
  need_key(r, "kv_heads", a.kv_heads, "attention of kind gqa needs it");
  if (a.kv_heads > 0 && a.heads % a.kv_heads != 0) {
    r.error("kv_heads", fmt::format("kv_heads ({}) must divide heads ({})", a.kv_heads, a.heads));
  }
}

void check_compressed(AttentionSpec& a, std::int64_t layers, SpecReader& r) {
  constexpr std::string_view kWhy = "attention of kind compressed needs it";
  need_key(r, "head_dim", a.head_dim, kWhy);
  need_key(r, "q_lora_rank", a.q_lora_rank, kWhy);
  need_key(r, "window", a.window, kWhy);
  if (!r.has("indexer")) r.error("indexer", fmt::format("missing key 'indexer': {}", kWhy));
  if (!r.has("compression")) r.error("compression", fmt::format("missing key 'compression': {}", kWhy));
  refuse(r, kMlaKeys, "mla");
  if (r.has("kv_heads") && a.kv_heads != 1) {
    r.error("kv_heads", fmt::format("kv_heads is {} but compressed attention has 1; leave it out", a.kv_heads));
  }
  if (a.heads % a.compression.output_groups != 0) {
    r.error("compression",
            fmt::format("output_groups ({}) must divide heads ({})", a.compression.output_groups, a.heads));
  }
  if (layers > 0 && a.compression.window_layers + a.compression.dense_layers > layers) {
    r.error("compression", fmt::format("window_layers + dense_layers exceed the {} layers", layers));
  }
  a.kv_heads = 1;
}

void check_mamba(AttentionSpec& a, std::int64_t hidden, SpecReader& r) {
  const std::int64_t inner = a.mamba.expand * hidden;
  if (!r.has("mamba")) r.error("mamba", "missing key 'mamba': attention of kind mamba needs it");
  refuse(r, kAttentionOnly, "mha, gqa, mla and compressed");
  refuse_latent(r);
  if (inner % a.mamba.head_dim != 0) {
    r.error("mamba", fmt::format("head_dim ({}) must divide expand x hidden ({})", a.mamba.head_dim, inner));
  }
  a.head_dim = a.mamba.head_dim;
  a.heads = a.kv_heads = inner / a.head_dim;
}

void default_head_dim(AttentionSpec& a, std::int64_t hidden, SpecReader& r) {
  if (a.head_dim > 0 || a.heads <= 0 || hidden <= 0) return;
  a.head_dim = hidden / a.heads;
  if (a.head_dim * a.heads != hidden) {
    r.error("heads", fmt::format("heads ({}) does not divide hidden ({}); state head_dim", a.heads, hidden));
  }
}

// What belongs to one kind is refused elsewhere.
void check_strangers(const AttentionSpec& a, SpecReader& r) {
  const bool indexed = a.kind == AttentionKind::kMla || a.kind == AttentionKind::kCompressed;
  if (!indexed) refuse(r, kIndexerKeys, "mla and compressed");
  if (a.kind != AttentionKind::kCompressed) refuse(r, kCompressionKeys, "compressed");
  if (a.kind != AttentionKind::kMamba) refuse(r, kMambaKeys, "mamba");
  if (r.has("full_every") && a.window == 0) r.error("full_every", "full_every needs a window on the other layers");
}

void check_kind(ModelSpec& model, SpecReader& r) {
  AttentionSpec& a = model.attention;
  check_strangers(a, r);
  if (a.kind == AttentionKind::kMamba) return check_mamba(a, model.hidden, r);
  need_key(r, "heads", a.heads, "the attention block needs its query heads");
  if (a.heads <= 0) return;
  if (a.kind == AttentionKind::kMla) return check_mla(a, r);
  if (a.kind == AttentionKind::kCompressed) return check_compressed(a, model.layers, r);
  if (a.kind == AttentionKind::kMha)
    check_mha(a, r);
  else
    check_gqa(a, r);
  refuse_latent(r);
  default_head_dim(a, model.hidden, r);
}

void bind_indexer(IndexerSpec& indexer, SpecReader& r) {
  r.integer({"heads", "light query heads", kRequired}, indexer.heads, kPositive);
  r.integer({"head_dim", "width of one", kRequired}, indexer.head_dim, kPositive);
  r.integer({"topk", "keys a query attends to", kRequired}, indexer.topk, kPositive);
  r.integer({"share", "so many consecutive layers use one choice"}, indexer.share, kPositive);
}

void bind_compression(CompressionSpec& compression, SpecReader& r) {
  r.integer({"sparse_ratio", "tokens merged into one key, of which the indexer picks (CSA)"}, compression.sparse_ratio,
            kPositive);
  r.integer({"dense_ratio", "tokens merged into one key, all attended to (HCA)"}, compression.dense_ratio, kPositive);
  r.integer({"output_groups", "groups of heads with a down-projection of their own"}, compression.output_groups,
            kPositive);
  r.integer({"output_rank", "width of a group behind it", kRequired}, compression.output_rank, kPositive);
  r.integer({"window_layers", "leading layers that attend to the window only"}, compression.window_layers, {.min = 0});
  r.integer({"dense_layers", "layers behind those that are HCA before the two take turns, CSA first"},
            compression.dense_layers, {.min = 0});
}

void bind_mamba(MambaSpec& mamba, SpecReader& r) {
  r.integer({"state", "width of the state of a head's channel"}, mamba.state, kPositive);
  r.integer({"head_dim", "channels of a head"}, mamba.head_dim, kPositive);
  r.integer({"groups", "groups of heads that share their input and output matrices"}, mamba.groups, kPositive);
  r.integer({"conv", "taps of the causal convolution"}, mamba.conv, kPositive);
  r.integer({"expand", "inner width over hidden"}, mamba.expand, kPositive);
}

void bind_latents(AttentionSpec& a, SpecReader& r) {
  r.integer({"q_lora_rank", "mla, compressed: latent width of queries; 0 projects them directly"}, a.q_lora_rank,
            {.min = 0});
  r.integer({"kv_lora_rank", "mla: latent width of keys and values"}, a.kv_lora_rank, kPositive);
  r.integer({"nope_head_dim", "mla: part of a query or key head without rotary position"}, a.nope_head_dim, kPositive);
  r.integer({"rope_head_dim", "mla, compressed: part with rotary position"}, a.rope_head_dim, kPositive);
  r.integer({"v_head_dim", "mla: width of a value head"}, a.v_head_dim, kPositive);
}

}  // namespace

void need_key(SpecReader& r, std::string_view key, std::int64_t value, std::string_view why) {
  if (value <= 0 && !r.has(key)) r.error(key, fmt::format("missing key '{}': {}", key, why));
}

void bind_attention(ModelSpec& model, SpecReader& r) {
  AttentionSpec& a = model.attention;
  const bool kind_known = r.choice<AttentionKind>(
      {"kind",
       "multi-head, grouped-query, multi-head latent or compressed attention (DeepSeek-V4), or a state-space layer",
       kRequired},
      a.kind, kAttentionKinds);
  r.integer({"heads", "query heads; needed by every kind but mamba"}, a.heads, kPositive);
  r.integer({"kv_heads", "key and value heads; gqa only, else as many as heads"}, a.kv_heads, kPositive);
  r.integer({"head_dim", "width of a head; hidden / heads when absent"}, a.head_dim, kPositive);
  r.boolean({"bias", "biases on the query, key and value projections"}, a.bias);
  r.boolean({"output_bias", "a bias on the output projection"}, a.output_bias);
  r.boolean({"qk_norm", "a norm on each query and key head"}, a.qk_norm);
  r.boolean({"causal", "false: every token attends to every other"}, a.causal);
  r.integer({"window", "keys a query sees at most; 0 = all"}, a.window, {.min = 0});
  r.integer({"full_every", "with a window: each so-many-th layer sees all keys; 0 = none does"}, a.full_every,
            {.min = 0});
  bind_latents(a, r);
  r.object({"indexer", "mla, compressed: picks the keys a query attends to (sparse attention)"},
           [&](SpecReader& inner) { bind_indexer(a.indexer, inner); });
  r.object({"compression", "compressed: how keys are merged and the output projected"},
           [&](SpecReader& inner) { bind_compression(a.compression, inner); });
  r.object({"mamba", "mamba: the state-space layer (Mamba-2)"}, [&](SpecReader& inner) { bind_mamba(a.mamba, inner); });
  if (kind_known && !r.documenting()) check_kind(model, r);
}

}  // namespace supernode
