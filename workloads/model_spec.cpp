#include "workloads/model_spec.hpp"

#include <fmt/format.h>

#include <array>

#include "workloads/model_spec_parts.hpp"

namespace supernode {
namespace {

constexpr std::array<Choice<ModelKind>, 2> kModelKinds = {{
    {"language", ModelKind::kLanguage},
    {"diffusion", ModelKind::kDiffusion},
}};

constexpr std::array<Choice<PositionKind>, 4> kPositionKinds = {{
    {"rope", PositionKind::kRope},
    {"learned", PositionKind::kLearned},
    {"alibi", PositionKind::kAlibi},
    {"none", PositionKind::kNone},
}};

void bind_shape(ModelSpec& spec, SpecReader& r) {
  const IntegerRange positive{.min = 1, .max = 1 << 24};
  r.text({"name", "name in reports", kRequired}, spec.name);
  r.text({"source", "where the configuration is published"}, spec.source);
  r.choice<ModelKind>({"kind", "a language model, or a diffusion transformer over patches of a latent image"},
                      spec.kind, kModelKinds);
  r.integer({"layers", "transformer layers, without MTP modules", kRequired}, spec.layers, {.min = 1, .max = 10'000});
  r.integer({"hidden", "width of the residual stream", kRequired}, spec.hidden, positive);
  r.integer({"vocab", "rows of the embedding table, padding included; a diffusion model has none"}, spec.vocab,
            positive);
  r.integer({"output_vocab", "rows of the output projection where they differ from vocab"}, spec.output_vocab,
            positive);
  r.integer({"ffn", "hidden size of the dense MLP; needed if any layer is dense"}, spec.ffn, positive);
  r.boolean({"gated_mlp", "three matrices (SwiGLU) instead of two"}, spec.gated_mlp);
  r.boolean({"mlp_bias", "biases on the MLP matrices"}, spec.mlp_bias);
  r.integer({"norms_per_layer",
             "norms over the hidden size in a layer (of a shortcut-connected one: for each attention "
             "with its MLP); 4 for sandwich norms"},
            spec.norms_per_layer, {.min = 1, .max = 8});
  r.boolean({"norm_bias", "LayerNorm (weight and bias) instead of RMSNorm"}, spec.norm_bias);
}

void bind_ends(ModelSpec& spec, SpecReader& r) {
  r.boolean({"embedding_norm", "a norm behind the embedding (BLOOM)"}, spec.embedding_norm);
  r.boolean({"tied_embeddings", "the head is the input table"}, spec.tied_embeddings);
  r.choice<PositionKind>({"position", "how positions enter"}, spec.position, kPositionKinds);
  r.integer({"max_positions", "rows of the table of learned positions"}, spec.max_positions,
            {.min = 1, .max = 1 << 24});
}

void bind_additions(ModelSpec& spec, SpecReader& r) {
  const IntegerRange width{.min = 1, .max = 1 << 24};
  r.integer({"mtp_layers", "multi-token-prediction modules"}, spec.mtp_layers, {.min = 0, .max = 64});
  r.integer({"residual_streams", "hyper-connections: the residual is so many streams wide (mHC of DeepSeek-V4)"},
            spec.residual_streams, {.min = 1, .max = 64});
  r.number({"ngram_parameters", "n-gram embedding tables, looked up only; 0 = none"}, spec.ngram_parameters,
           {.min = 0});
  r.integer({"patch_channels", "diffusion: values of one patch, in and out"}, spec.patch_channels, width);
  r.integer({"condition_width", "diffusion: width of the vector that drives the adaptive norms"}, spec.condition_width,
            width);
  r.integer({"condition_vectors", "diffusion: shifts, scales and gates that a layer makes of it"},
            spec.condition_vectors, {.min = 1, .max = 64});
  r.number({"condition_parameters", "diffusion: what makes that vector and projects other inputs"},
           spec.condition_parameters, {.min = 0});
}

void bind_published(ModelSpec& spec, SpecReader& r) {
  r.number({"published_parameters", "total as published, e.g. 671e9; 0 = none"}, spec.published_parameters, {.min = 0});
  r.boolean({"published_with_mtp", "that total holds the MTP modules"}, spec.published_with_mtp);
  r.number({"published_active_parameters", "per token as published; 0 = none"}, spec.published_active_parameters,
           {.min = 0});
}

bool has_dense_layer(const ModelSpec& spec) {
  if (spec.attention.kind == AttentionKind::kMamba) return false;
  return spec.moe.experts == 0 || spec.moe.first_dense > 0 || spec.moe.every > 1;
}

void check_diffusion(const ModelSpec& spec, SpecReader& r) {
  constexpr std::string_view kWhy = "a diffusion model needs it";
  need_key(r, "patch_channels", spec.patch_channels, kWhy);
  need_key(r, "condition_width", spec.condition_width, kWhy);
  for (std::string_view key :
       {"vocab", "output_vocab", "tied_embeddings", "mtp_layers", "ngram_parameters", "embedding_norm"}) {
    if (r.has(key)) r.error(key, fmt::format("'{}' belongs to a language model; kind is diffusion", key));
  }
}

void check_language(const ModelSpec& spec, SpecReader& r) {
  need_key(r, "vocab", spec.vocab, "a language model needs it");
  if (spec.tied_embeddings && spec.output_vocab > 0) {
    r.error("output_vocab", "a tied head is the input table; leave out output_vocab");
  }
  for (std::string_view key : {"patch_channels", "condition_width", "condition_vectors", "condition_parameters"}) {
    if (r.has(key)) r.error(key, fmt::format("'{}' belongs to kind: diffusion", key));
  }
}

void check_model(const ModelSpec& spec, SpecReader& r) {
  if (spec.kind == ModelKind::kDiffusion)
    check_diffusion(spec, r);
  else
    check_language(spec, r);
  if (has_dense_layer(spec)) need_key(r, "ffn", spec.ffn, "the model has dense layers");
  if (spec.position == PositionKind::kLearned) {
    need_key(r, "max_positions", spec.max_positions, "learned positions need it");
  } else if (r.has("max_positions")) {
    r.error("max_positions", "max_positions needs position: learned");
  }
  if (spec.published_with_mtp && spec.mtp_layers == 0) {
    r.error("published_with_mtp", "published_with_mtp needs mtp_layers of 1 or more");
  }
}

}  // namespace

bool ModelSpec::is_moe(std::int64_t layer) const {
  if (moe.experts == 0 || layer < moe.first_dense) return false;
  return (layer - moe.first_dense + 1) % moe.every == 0;
}

LayerForm ModelSpec::layer_form(std::int64_t layer) const {
  LayerForm form;
  form.moe = is_moe(layer);
  form.hash_routed = form.moe && layer - moe.first_dense < moe.hash_layers;
  const bool compressed = attention.kind == AttentionKind::kCompressed;
  const bool full = attention.full_every > 0 && (layer + 1) % attention.full_every == 0;
  const std::int64_t first_sparse = attention.compression.window_layers + attention.compression.dense_layers;
  form.windowed = compressed ? layer < attention.compression.window_layers : attention.window > 0 && !full;
  form.sparse = compressed && layer >= first_sparse && (layer - first_sparse) % 2 == 0;
  form.indexes = attention.indexer.heads > 0 && (compressed ? form.sparse : layer % attention.indexer.share == 0);
  return form;
}

void bind(ModelSpec& spec, SpecReader& r) {
  bind_shape(spec, r);
  bind_ends(spec, r);
  r.object({"attention", "the attention block", kRequired}, [&](SpecReader& inner) { bind_attention(spec, inner); });
  r.object({"moe", "mixture of experts; absent for a dense model"}, [&](SpecReader& inner) { bind_moe(spec, inner); });
  bind_additions(spec, r);
  bind_published(spec, r);
  if (!r.documenting()) check_model(spec, r);
}

}  // namespace supernode
