// The network that Megatron-LM builds from its flags. Defaults are those of megatron/training/arguments.py.

#include <fmt/format.h>

#include "scenarios/import_megatron_parts.hpp"

namespace supernode {

namespace {

// Without --ffn-hidden-size: 4h, or with --swiglu two thirds of it in whole 64 (validate_args).
std::int64_t mlp_width(const MegatronImport& import, std::int64_t hidden) {
  const std::int64_t wide = 4 * hidden;
  return import.integer("ffn-hidden-size", import.has("swiglu") ? wide * 2 / 3 / 64 * 64 : wide);
}

// The table is padded to a multiple of --make-vocab-size-divisible-by (128) x tensor parallelism.
void read_vocabulary(MegatronImport& import) {
  std::int64_t vocab = import.integer("padded-vocab-size", 0);
  if (vocab == 0) {
    vocab = import.integer("vocab-size", 0);
    if (vocab == 0) {
      vocab = 50'257;
      import.assume("a vocabulary of 50,257, GPT-2's: the tokenizer's is not among the flags");
    }
    const std::int64_t step = import.integer("make-vocab-size-divisible-by", 128) *
                              std::max<std::int64_t>(1, import.integer("tensor-model-parallel-size", 1));
    vocab = (vocab + step - 1) / step * step;
  }
  import.yaml.set("model.vocab", vocab);
}

void read_positions(MegatronImport& import) {
  std::string kind = import.text("position-embedding-type", "learned_absolute");
  if (import.has("use-rotary-position-embeddings")) kind = "rope";
  const bool learned = kind == "learned_absolute";
  import.yaml.set_word("model.position", learned ? "learned" : kind == "none" || kind == "alibi" ? kind : "rope");
  if (learned) {
    import.yaml.set("model.max_positions",
                    import.integer("max-position-embeddings", import.integer("seq-length", 1024)));
  }
}

void read_latent_attention(MegatronImport& import, std::int64_t heads) {
  YamlBuilder& yaml = import.yaml;
  yaml.set_word("model.attention.kind", "mla");
  yaml.set("model.attention.heads", heads);
  const std::int64_t query = import.integer("q-lora-rank", 0);
  if (query > 0) yaml.set("model.attention.q_lora_rank", query);
  yaml.set("model.attention.kv_lora_rank", import.integer("kv-lora-rank", 32));
  yaml.set("model.attention.nope_head_dim", import.integer("qk-nope-head-dim", import.integer("qk-head-dim", 128)));
  yaml.set("model.attention.rope_head_dim",
           import.integer("qk-rope-head-dim", import.integer("qk-pos-emb-head-dim", 64)));
  yaml.set("model.attention.v_head_dim", import.integer("v-head-dim", 128));
}

void read_attention(MegatronImport& import) {
  YamlBuilder& yaml = import.yaml;
  const std::int64_t heads = import.integer("num-attention-heads", 0);
  if (import.has("multi-latent-attention")) return read_latent_attention(import, heads);
  const bool grouped = import.has("group-query-attention");
  const std::int64_t kv = grouped ? import.integer("num-query-groups", 1) : heads;
  yaml.set_word("model.attention.kind", kv == heads ? "mha" : "gqa");
  yaml.set("model.attention.heads", heads);
  if (kv != heads) yaml.set("model.attention.kv_heads", kv);
  if (const std::int64_t dim = import.integer("kv-channels", 0)) yaml.set("model.attention.head_dim", dim);
  const bool biased = !import.has("disable-bias-linear");
  if (biased || import.has("add-qkv-bias")) yaml.set_flag("model.attention.bias", true);
  if (biased || import.has("add-dense-bias")) yaml.set_flag("model.attention.output_bias", true);
  if (import.has("qk-layernorm")) yaml.set_flag("model.attention.qk_norm", true);
  const std::string window = import.text("window-size");  // "128,0" or "(128, 0)"
  const auto size = window.find_first_of("0123456789");
  if (size != std::string::npos) {
    yaml.set("model.attention.window", static_cast<std::int64_t>(number_after(window.substr(size), "").value_or(0)));
  }
}

// --moe-layer-freq: an integer, or a pattern such as "([0]*3+[1]*58)": a run of dense layers, then experts.
void read_layer_frequency(MegatronImport& import) {
  YamlBuilder& yaml = import.yaml;
  const std::string pattern = import.text("moe-layer-freq");
  std::int64_t dense = std::max<std::int64_t>(0, import.integer("first-k-dense-replace", 0));
  if (const auto every = parse_integer(pattern)) {
    if (*every > 1) yaml.set("model.moe.every", *every);
  } else if (const auto leading = number_after(pattern, "[0]*")) {
    dense = static_cast<std::int64_t>(*leading);
  } else if (!pattern.empty()) {
    import.warn(fmt::format("--moe-layer-freq {}: every layer is taken to have experts", pattern));
  }
  if (dense > 0) yaml.set("model.moe.first_dense", dense);
}

void read_experts(MegatronImport& import, std::int64_t dense_width) {
  if (import.integer("num-experts", 0) <= 1) return import.yaml.erase("model.moe");
  YamlBuilder& yaml = import.yaml;
  if (!yaml.has("model.moe.topk")) yaml.set("model.moe.topk", 2);
  const std::int64_t width =
      import.integer("moe-ffn-hidden-size", import.integer("moe-intermediate-size", dense_width));
  yaml.set("model.moe.ffn", width);
  if (const std::int64_t shared = import.integer("moe-shared-expert-intermediate-size", 0)) {
    yaml.set("model.moe.shared_ffn", shared);
    if (!yaml.has("model.moe.shared_experts")) yaml.set("model.moe.shared_experts", 1);
  }
  if (yaml.integer("model.moe.node_limit", 0) == 1) yaml.erase("model.moe.node_limit");
  read_layer_frequency(import);
}

}  // namespace

void read_megatron_model(MegatronImport& import) {
  YamlBuilder& yaml = import.yaml;
  for (const char* name : {"num-layers", "hidden-size", "num-attention-heads"}) {
    if (import.has(name)) continue;
    import.diagnostics.error(import.position, fmt::format("missing --{}", name));
  }
  import.total_layers = import.integer("num-layers", 0);
  import.noop_layers = integer_list(import.text("noop-layers"));
  import.layers = import.total_layers - static_cast<std::int64_t>(import.noop_layers.size());
  const std::int64_t width = mlp_width(import, import.integer("hidden-size", 0));
  yaml.set_word("model.name", "megatron");
  yaml.set("model.layers", import.layers);
  yaml.set("model.ffn", width);
  if (!import.has("swiglu")) yaml.set_flag("model.gated_mlp", false);
  if (!import.has("disable-bias-linear")) yaml.set_flag("model.mlp_bias", true);
  if (import.text("normalization", "LayerNorm") == "LayerNorm") yaml.set_flag("model.norm_bias", true);
  yaml.set_flag("model.tied_embeddings", !import.has("untie-embeddings-and-output-weights"));
  read_vocabulary(import);
  read_positions(import);
  read_attention(import);
  read_experts(import, width);
}

}  // namespace supernode
