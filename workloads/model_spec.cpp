#include "workloads/model_spec.hpp"

#include <fmt/format.h>

#include <array>

namespace supernode {
namespace {

constexpr std::array<Choice<AttentionKind>, 3> kAttentionKinds = {{
    {"mha", AttentionKind::kMha},
    {"gqa", AttentionKind::kGqa},
    {"mla", AttentionKind::kMla},
}};

constexpr std::array<Choice<PositionKind>, 3> kPositionKinds = {{
    {"rope", PositionKind::kRope},
    {"learned", PositionKind::kLearned},
    {"none", PositionKind::kNone},
}};

void need_positive(SpecReader& r, std::string_view key, std::int64_t value, std::string_view why) {
  if (value <= 0 && !r.has(key)) r.error(key, fmt::format("missing key '{}': {}", key, why));
}

void check_mla(AttentionSpec& a, SpecReader& r) {
  constexpr std::string_view kWhy = "attention of kind mla needs it";
  need_positive(r, "kv_lora_rank", a.kv_lora_rank, kWhy);
  need_positive(r, "nope_head_dim", a.nope_head_dim, kWhy);
  need_positive(r, "rope_head_dim", a.rope_head_dim, kWhy);
  need_positive(r, "v_head_dim", a.v_head_dim, kWhy);
  if (r.has("head_dim")) r.error("head_dim", "mla has no head_dim; it has nope_head_dim, rope_head_dim and v_head_dim");
  if (r.has("kv_heads") && a.kv_heads != a.heads) {
    r.error("kv_heads",
            fmt::format("kv_heads is {} but mla has as many as heads ({}); leave it out", a.kv_heads, a.heads));
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
  need_positive(r, "kv_heads", a.kv_heads, "attention of kind gqa needs it");
  if (a.kv_heads > 0 && a.heads % a.kv_heads != 0) {
    r.error("kv_heads", fmt::format("kv_heads ({}) must divide heads ({})", a.kv_heads, a.heads));
  }
}

void check_no_mla_keys(SpecReader& r) {
  for (std::string_view key : {"q_lora_rank", "kv_lora_rank", "nope_head_dim", "rope_head_dim", "v_head_dim"}) {
    if (r.has(key)) r.error(key, fmt::format("'{}' belongs to attention of kind mla only", key));
  }
}

void default_head_dim(AttentionSpec& a, std::int64_t hidden, SpecReader& r) {
  if (a.head_dim > 0 || a.heads <= 0 || hidden <= 0) return;
  a.head_dim = hidden / a.heads;
  if (a.head_dim * a.heads != hidden) {
    r.error("heads", fmt::format("heads ({}) does not divide hidden ({}); state head_dim", a.heads, hidden));
  }
}

void check_attention(AttentionSpec& a, std::int64_t hidden, SpecReader& r) {
  if (a.heads <= 0) return;  // reported as missing
  if (a.kind == AttentionKind::kMla) return check_mla(a, r);
  if (a.kind == AttentionKind::kMha)
    check_mha(a, r);
  else
    check_gqa(a, r);
  check_no_mla_keys(r);
  default_head_dim(a, hidden, r);
}

void bind_attention(AttentionSpec& a, std::int64_t hidden, SpecReader& r) {
  const IntegerRange positive{.min = 1, .max = 1 << 24};
  const bool kind_known = r.choice<AttentionKind>(
      {"kind", "multi-head, grouped-query or multi-head latent attention", kRequired}, a.kind, kAttentionKinds);
  r.integer({"heads", "query heads", kRequired}, a.heads, positive);
  r.integer({"kv_heads", "key and value heads; gqa only, else as many as heads"}, a.kv_heads, positive);
  r.integer({"head_dim", "width of a head; hidden / heads when absent"}, a.head_dim, positive);
  r.boolean({"bias", "biases on the projections"}, a.bias);
  r.boolean({"qk_norm", "a norm on each query and key head"}, a.qk_norm);
  r.integer({"q_lora_rank", "mla: latent width of queries; 0 projects them directly"}, a.q_lora_rank, {.min = 0});
  r.integer({"kv_lora_rank", "mla: latent width of keys and values"}, a.kv_lora_rank, positive);
  r.integer({"nope_head_dim", "mla: part of a query or key head without rotary position"}, a.nope_head_dim, positive);
  r.integer({"rope_head_dim", "mla: part with rotary position"}, a.rope_head_dim, positive);
  r.integer({"v_head_dim", "mla: width of a value head"}, a.v_head_dim, positive);
  if (kind_known) check_attention(a, hidden, r);
}

void check_moe(const MoeSpec& moe, std::int64_t layers, SpecReader& r) {
  if (moe.experts > 0 && moe.topk > moe.experts) {
    r.error("topk", fmt::format("topk ({}) exceeds the number of experts ({})", moe.topk, moe.experts));
  }
  if (layers > 0 && moe.first_dense >= layers) {
    r.error("first_dense", fmt::format("first_dense ({}) leaves no MoE layer of {}", moe.first_dense, layers));
  } else if (layers > 0 && moe.every > layers - moe.first_dense) {
    r.error("every", fmt::format("every ({}) leaves no MoE layer of {}", moe.every, layers - moe.first_dense));
  }
  if (moe.shared_ffn > 0 && moe.shared_experts == 0) {
    r.error("shared_ffn", "shared_ffn needs shared_experts of 1 or more");
  }
}

void bind_moe(MoeSpec& moe, std::int64_t layers, SpecReader& r) {
  r.integer({"experts", "routed experts of a layer", kRequired}, moe.experts, {.min = 1, .max = 1 << 20});
  r.integer({"topk", "routed experts a token goes to", kRequired}, moe.topk, {.min = 1, .max = 1 << 20});
  r.integer({"ffn", "hidden size of one expert", kRequired}, moe.ffn, {.min = 1, .max = 1 << 20});
  r.integer({"shared_experts", "experts that every token goes to"}, moe.shared_experts, {.min = 0});
  r.integer({"shared_ffn", "total hidden size of the shared branch; 0 = shared_experts x ffn"}, moe.shared_ffn,
            {.min = 0});
  r.integer({"first_dense", "leading layers with a dense MLP"}, moe.first_dense, {.min = 0});
  r.integer({"every", "of the layers after those, each so-many-th is MoE"}, moe.every, {.min = 1});
  r.integer({"node_limit", "a token's experts lie on at most so many nodes; 0 = no limit"}, moe.node_limit, {.min = 0});
  if (!r.documenting()) check_moe(moe, layers, r);
}

void bind_shape(ModelSpec& spec, SpecReader& r) {
  const IntegerRange positive{.min = 1, .max = 1 << 24};
  r.text({"name", "name in reports", kRequired}, spec.name);
  r.text({"source", "where the configuration is published"}, spec.source);
  r.integer({"layers", "transformer layers, without MTP modules", kRequired}, spec.layers, {.min = 1, .max = 10'000});
  r.integer({"hidden", "width of the residual stream", kRequired}, spec.hidden, positive);
  r.integer({"vocab", "rows of the embedding table, padding included", kRequired}, spec.vocab, positive);
  r.integer({"ffn", "hidden size of the dense MLP; needed if any layer is dense"}, spec.ffn, positive);
  r.boolean({"gated_mlp", "three matrices (SwiGLU) instead of two"}, spec.gated_mlp);
  r.boolean({"mlp_bias", "biases on the MLP matrices"}, spec.mlp_bias);
  r.integer({"norms_per_layer", "norms over the hidden size in a layer; 4 for sandwich norms"}, spec.norms_per_layer,
            {.min = 1, .max = 8});
  r.boolean({"norm_bias", "LayerNorm (weight and bias) instead of RMSNorm"}, spec.norm_bias);
  r.boolean({"tied_embeddings", "the head is the input table"}, spec.tied_embeddings);
  r.choice<PositionKind>({"position", "how positions enter"}, spec.position, kPositionKinds);
  r.integer({"max_positions", "rows of the table of learned positions"}, spec.max_positions, positive);
}

bool has_dense_layer(const ModelSpec& spec) {
  return spec.moe.experts == 0 || spec.moe.first_dense > 0 || spec.moe.every > 1;
}

void check_model(const ModelSpec& spec, SpecReader& r) {
  if (has_dense_layer(spec)) need_positive(r, "ffn", spec.ffn, "the model has dense layers");
  if (spec.position == PositionKind::kLearned) {
    need_positive(r, "max_positions", spec.max_positions, "learned positions need it");
  } else if (r.has("max_positions")) {
    r.error("max_positions", "max_positions needs position: learned");
  }
}

}  // namespace

bool ModelSpec::is_moe(std::int64_t layer) const {
  if (moe.experts == 0 || layer < moe.first_dense) return false;
  return (layer - moe.first_dense + 1) % moe.every == 0;
}

void bind(ModelSpec& spec, SpecReader& r) {
  bind_shape(spec, r);
  r.object({"attention", "the attention block", kRequired},
           [&](SpecReader& inner) { bind_attention(spec.attention, spec.hidden, inner); });
  r.object({"moe", "mixture of experts; absent for a dense model"},
           [&](SpecReader& inner) { bind_moe(spec.moe, spec.layers, inner); });
  r.integer({"mtp_layers", "multi-token-prediction modules"}, spec.mtp_layers, {.min = 0, .max = 64});
  r.number({"published_parameters", "total as published, e.g. 671e9; 0 = none"}, spec.published_parameters, {.min = 0});
  r.number({"published_active_parameters", "per token as published; 0 = none"}, spec.published_active_parameters,
           {.min = 0});
  if (!r.documenting()) check_model(spec, r);
}

}  // namespace supernode
