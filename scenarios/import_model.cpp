// The network of a published run: an entry of the catalogue where name and shape match, with what differs laid over
// it; otherwise written out from the row's sizes and what the model's family is known to be.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scenarios/catalogue.hpp"
#include "scenarios/catalogue_specs.hpp"
#include "scenarios/import_families.hpp"
#include "scenarios/import_parts.hpp"
#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

// "flags: noop-layers=2,3 …" of a Megatron-like script; "" behind "=" and −1 mean unset there.
std::optional<std::int64_t> flag(const PublishedRun& run, std::string_view name) {
  const auto text = value_of(run.notes, name);
  const auto value = text ? parse_integer(*text) : std::nullopt;
  return value && *value >= 0 ? value : std::nullopt;
}

// Megatron's --noop-layers: layers that pass their input on.
void read_noop_layers(RunImport& import) {
  import.layers = import.run.layers;
  const auto text = value_of(import.run.notes, "noop-layers");
  if (!text) return;
  import.noop_layers = integer_list(*text);
  import.layers -= static_cast<std::int64_t>(import.noop_layers.size());
}

// nanotron's sweep gives the number of parameters of the shape with as many key heads as heads and a vocabulary of
// 131,072; the MLP follows from it: N = L·(4h² + 3·h·f) + tables, f in whole 1,024 as all its models have it.
std::int64_t nanotron_ffn(const PublishedRun& run, bool tied) {
  const double h = static_cast<double>(run.hidden), layers = static_cast<double>(run.layers);
  const double tables = (tied ? 1 : 2) * 131'072 * h;
  const double ffn = (run.parameters - tables - layers * 4 * h * h) / (layers * 3 * h);
  return std::max<std::int64_t>(1, std::llround(ffn / 1024)) * 1024;
}

bool is_tied(RunImport& import, const ModelFamily& family) {
  const PublishedRun& run = import.run;
  if (run.tied_embeddings) return *run.tied_embeddings;
  const bool noted = contains(run.notes, "tied embeddings=False");
  if (run.format != RunFormat::kNanotron) return family.tied && !noted;
  const bool tied = run.parameters < 5e9;  // the sweep's successful runs: up to 3.57G tied, from 8.86G on not
  import.assume(tied ? "embeddings are tied, as in the sweep's other runs of this size"
                     : "embeddings are not tied, as in the sweep's other runs of this size");
  return tied;
}

std::int64_t vocabulary(RunImport& import, const ModelFamily& family) {
  if (import.run.vocab > 0) return import.run.vocab;
  import.assume(fmt::format("a vocabulary of {}, its family's", family.vocab));
  return family.vocab;
}

bool is_mla(const PublishedRun& run) {
  if (!run.attention.starts_with("MLA")) return false;
  return contains(run.attention, "kv_lora") || flag(run, "v-head-dim").has_value();
}

std::int64_t mla_size(const PublishedRun& run, std::string_view in_attention, std::string_view in_flags,
                      std::int64_t otherwise) {
  const auto stated = number_after(run.attention, in_attention);
  return stated ? static_cast<std::int64_t>(*stated) : flag(run, in_flags).value_or(otherwise);
}

// DeepSeek-V3's sizes (arXiv 2412.19437, section 4.2) where the row leaves one out; the rotary part always.
void set_mla(RunImport& import) {
  const PublishedRun& run = import.run;
  YamlBuilder& yaml = import.yaml;
  yaml.set_word("model.attention.kind", "mla");
  yaml.set("model.attention.heads", run.heads);
  yaml.set("model.attention.q_lora_rank", mla_size(run, "q_lora", "q-lora-rank", 1536));
  yaml.set("model.attention.kv_lora_rank", mla_size(run, "kv_lora", "kv-lora-rank", 512));
  yaml.set("model.attention.nope_head_dim", mla_size(run, "nope", "qk-head-dim", 128));
  yaml.set("model.attention.rope_head_dim", mla_size(run, "rope", "qk-pos-emb-head-dim", 64));
  yaml.set("model.attention.v_head_dim", mla_size(run, ",v", "v-head-dim", 128));
}

// DeepSeek sparse attention: its indexer's sizes as published for DeepSeek-V3.2-Exp (config.json).
void set_indexer(RunImport& import) {
  if (!contains(import.name, "dsa") && !contains(import.name, "deepseek32")) return;
  import.assume("the indexer of DeepSeek-V3.2: 64 heads of 128, top 2048");
  import.yaml.set("model.attention.indexer.heads", 64);
  import.yaml.set("model.attention.indexer.head_dim", 128);
  import.yaml.set("model.attention.indexer.topk", 2048);
  if (contains(import.name, "share_index")) {
    import.assume("two consecutive layers share one index");
    import.yaml.set("model.attention.indexer.share", 2);
  }
}

void set_attention(RunImport& import, const ModelFamily& family) {
  const PublishedRun& run = import.run;
  YamlBuilder& yaml = import.yaml;
  if (is_mla(run)) {
    set_mla(import);
    return set_indexer(import);
  }
  if (run.attention.starts_with("MLA")) import.assume("grouped-query attention: the row gives no latent ranks");
  const std::int64_t kv = run.kv_heads > 0 ? run.kv_heads : run.heads;
  yaml.set_word("model.attention.kind", kv == run.heads ? "mha" : "gqa");
  yaml.set("model.attention.heads", run.heads);
  if (kv != run.heads) yaml.set("model.attention.kv_heads", kv);
  if (run.head_dim > 0) yaml.set("model.attention.head_dim", run.head_dim);
  if (family.qkv_bias) yaml.set_flag("model.attention.bias", true);
  if (family.output_bias) yaml.set_flag("model.attention.output_bias", true);
  if (family.qk_norm) yaml.set_flag("model.attention.qk_norm", true);
  if (family.window > 0) yaml.set("model.attention.window", family.window);
  if (family.full_every > 0) yaml.set("model.attention.full_every", family.full_every);
}

// Mamba-2 2.7B (arXiv 2405.21060): state 128, heads of 64, width doubled; the row's heads are the runner's defaults.
void set_mamba(RunImport& import) {
  import.yaml.set_word("model.attention.kind", "mamba");
  import.yaml.set("model.attention.mamba.state", 128);
  import.yaml.set("model.attention.mamba.head_dim", 64);
  import.yaml.set("model.attention.mamba.groups", 1);
  import.yaml.set("model.attention.mamba.expand", 2);
  import.assume("Mamba-2 layers of state 128 and heads of 64 without an MLP");
}

void set_experts(RunImport& import) {
  const PublishedRun& run = import.run;
  if (run.experts <= 0) return;
  YamlBuilder& yaml = import.yaml;
  const std::int64_t ffn = run.moe_ffn > 0 ? run.moe_ffn : run.ffn;
  if (run.moe_ffn == 0) import.assume(fmt::format("experts are as wide as the dense MLP: {}", ffn));
  yaml.set("model.moe.experts", run.experts);
  yaml.set("model.moe.topk", std::max<std::int64_t>(1, run.topk));
  yaml.set("model.moe.ffn", ffn);
  if (run.shared_experts > 0) yaml.set("model.moe.shared_experts", run.shared_experts);
  const std::int64_t dense = flag(run, "first-k-dense-replace").value_or(0);
  if (dense > 0) yaml.set("model.moe.first_dense", std::min(dense, import.layers - 1));
  const auto every = flag(run, "moe-layer-freq");
  if (every && *every > 1) yaml.set("model.moe.every", *every);
  if (contains(import.name, "longcat")) {
    yaml.set_flag("model.moe.shortcut", true);
    yaml.set("model.moe.zero_experts", run.experts / 2);
    import.assume("half as many zero-computation experts as real ones, as in LongCat-Flash");
  }
}

void set_inline_model(RunImport& import, const ModelFamily& family) {
  const PublishedRun& run = import.run;
  YamlBuilder& yaml = import.yaml;
  const bool mamba = contains(import.name, "mamba"), tied = is_tied(import, family);
  yaml.set_text("model.name", run.model);
  yaml.set("model.layers", import.layers);
  yaml.set("model.hidden", run.hidden);
  yaml.set("model.vocab", vocabulary(import, family));
  const std::int64_t ffn = run.format == RunFormat::kNanotron ? nanotron_ffn(run, tied) : run.ffn;
  if (ffn > 0 && !mamba) yaml.set("model.ffn", ffn);
  yaml.set_flag("model.gated_mlp", family.gated);
  if (family.mlp_bias) yaml.set_flag("model.mlp_bias", true);
  if (family.norm_bias) yaml.set_flag("model.norm_bias", true);
  if (family.embedding_norm) yaml.set_flag("model.embedding_norm", true);
  if (family.norms_per_layer != 2) yaml.set("model.norms_per_layer", family.norms_per_layer);
  yaml.set_flag("model.tied_embeddings", tied);
  yaml.set_word("model.position", family.position);
  if (family.position == "learned") yaml.set("model.max_positions", run.sequence);
  if (mamba) {
    set_mamba(import);
  } else {
    set_attention(import, family);
  }
  set_experts(import);
  if (import.mtp_layers > 0) yaml.set("model.mtp_layers", import.mtp_layers);
}

// What the row gives differently from the entry of the same model.
void set_catalogue_model(RunImport& import, const ModelFamily& family, const ModelSpec& spec) {
  const PublishedRun& run = import.run;
  YamlBuilder& yaml = import.yaml;
  yaml.set_word("model.base", family.catalogue);
  const auto differ = [&](std::string_view key, std::int64_t stated, std::int64_t own) {
    if (stated > 0 && stated != own) yaml.set(std::string("model.") + std::string(key), stated);
  };
  differ("layers", import.layers, spec.layers);
  differ("vocab", run.vocab, spec.vocab);
  if (spec.attention.kind == AttentionKind::kGqa) differ("attention.kv_heads", run.kv_heads, spec.attention.kv_heads);
  if (spec.moe.experts > 0) {
    differ("moe.experts", run.experts, spec.moe.experts);
    differ("moe.topk", run.topk, spec.moe.topk);
    const std::int64_t dense = flag(run, "first-k-dense-replace").value_or(spec.moe.first_dense);
    if (std::min(dense, import.layers - 1) != spec.moe.first_dense) {
      yaml.set("model.moe.first_dense", std::min(dense, import.layers - 1));
    }
  }
  if (import.mtp_layers != spec.mtp_layers) yaml.set("model.mtp_layers", import.mtp_layers);
  if (import.layers != spec.layers || (spec.moe.experts > 0 && run.experts != spec.moe.experts)) {
    yaml.set("model.published_parameters", 0);  // those of the whole model
    yaml.set("model.published_active_parameters", 0);
  }
}

bool same_shape(const PublishedRun& run, const ModelSpec& spec) {
  const bool compressed = spec.attention.kind == AttentionKind::kCompressed;
  const bool latent = spec.attention.kind == AttentionKind::kMla || compressed;
  const bool head_dim = latent || run.head_dim == 0 || run.head_dim == spec.attention.head_dim;
  const bool grouped =
      latent || run.kv_heads == 0 || spec.attention.kind == AttentionKind::kGqa || run.kv_heads == run.heads;
  const bool moe = (run.experts > 0) == (spec.moe.experts > 0);
  const bool expert = run.moe_ffn == 0 || run.moe_ffn == spec.moe.ffn;
  const bool silent = run.ffn == 0 && run.moe_ffn == 0 && run.format == RunFormat::kTrainingRuns;
  const bool ffn =
      silent || run.ffn == spec.ffn || (spec.moe.experts > 0 && spec.moe.first_dense == 0 && spec.moe.every == 1);
  return run.hidden == spec.hidden && run.heads == spec.attention.heads && head_dim && grouped && moe && expert && ffn;
}

// An MTP module is trained when the row says so, or when it is silent and the model has one and its software trains it.
std::int64_t mtp_layers(RunImport& import, std::int64_t models) {
  const PublishedRun& run = import.run;
  if (const auto stated = flag(run, "mtp-num-layers")) return *stated;
  if (contains(run.notes, "w/o MTP")) return 0;
  if (contains(run.notes, "w/ MTP") || contains(run.notes, "MTP depth 1")) return 1;
  if (models == 0) return 0;
  const bool trained = import.stack.mtp && import.kind == RunKind::kPretrain;
  import.assume(trained ? "the multi-token-prediction module is trained: the row does not say"
                        : "no multi-token-prediction module is trained: the row does not say");
  return trained ? models : 0;
}

}  // namespace

void import_model(RunImport& import) {
  const PublishedRun& run = import.run;
  const ModelFamily& family = model_family(import.name);
  import.gated = family.gated;
  import.experts = run.experts;
  read_noop_layers(import);
  std::optional<ModelSpec> spec;
  if (!family.catalogue.empty() && find_in_catalogue(CatalogueKind::kModel, family.catalogue)) {
    Diagnostics ignored;
    spec = load_model(std::string(family.catalogue), ignored);
  }
  const bool same =
      spec && run.format != RunFormat::kNanotron && same_shape(run, *spec) && spec->tied_embeddings == family.tied;
  import.mtp_layers = mtp_layers(import, same ? spec->mtp_layers : 0);
  if (same) return set_catalogue_model(import, family, *spec);
  if (run.ffn == 0 && run.format != RunFormat::kNanotron && run.moe_ffn == 0 && !contains(import.name, "mamba")) {
    import.problem = "the row gives no width of the MLP";
    return;
  }
  set_inline_model(import, family);
}

}  // namespace supernode
