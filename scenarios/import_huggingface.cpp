#include "scenarios/import_huggingface.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "scenarios/import_huggingface_types.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

// Line and column of a byte (1-based, as nlohmann counts).
SourcePosition position_of(const std::shared_ptr<const SourceFile>& file, std::size_t byte) {
  SourcePosition position{file, 1, 1};
  for (std::size_t i = 0; i + 1 < byte && i < file->text.size(); ++i) {
    position.column = file->text[i] == '\n' ? 1 : position.column + 1;
    position.line += file->text[i] == '\n';
  }
  return position;
}

class Reader {
 public:
  Reader(std::shared_ptr<const SourceFile> file, const Json& json, const HuggingFaceType& type,
         Diagnostics& diagnostics)
      : file_(std::move(file)), json_(json), type_(type), diagnostics_(diagnostics) {}

  std::optional<ImportedYaml> read() {
    const int errors = diagnostics_.error_count();
    read_shape();
    if (type_.mamba)
      read_mamba();
    else
      read_attention();
    read_experts();
    for (const auto& [key, value] : json_.items()) warn_unread(key);
    if (diagnostics_.error_count() > errors) return std::nullopt;
    return ImportedYaml{yaml_.take(), std::move(assumptions_), std::move(warnings_)};
  }

 private:
  void error(std::string_view key, std::string message) {
    const std::size_t at = file_->text.find(fmt::format("\"{}\"", key));
    diagnostics_.error(at == std::string::npos ? SourcePosition{file_, 0, 0} : position_of(file_, at + 1),
                       std::move(message));
  }

  const HuggingFaceField& field(std::string_view path) const {
    const auto& fields = huggingface_fields();
    return *std::find_if(fields.begin(), fields.end(), [&](const HuggingFaceField& each) { return each.path == path; });
  }

  // The value of one of our fields; 0 when absent, null or -1.
  std::int64_t value(std::string_view path) {
    for (std::string_view key : field(path).keys) {
      const auto found = json_.find(std::string(key));
      if (found == json_.end() || found->is_null()) continue;
      if (found->is_number_integer() && found->get<std::int64_t>() >= -1) {
        return std::max<std::int64_t>(0, found->get<std::int64_t>());
      }
      error(key, fmt::format("'{}' must be an integer of at least 0", key));
      return 0;
    }
    return 0;
  }

  std::int64_t need(std::string_view path) {
    const std::int64_t found = value(path);
    if (found > 0) return found;
    std::string keys;
    for (std::string_view key : field(path).keys) keys += fmt::format("{}{}", keys.empty() ? "" : ", ", key);
    if (diagnostics_.error_count() == 0) error("model_type", fmt::format("missing {}: none of {}", path, keys));
    return 0;
  }

  bool flag(const char* key, bool otherwise) const {
    const auto found = json_.find(key);
    return found != json_.end() && found->is_boolean() ? found->get<bool>() : otherwise;
  }

  void set_if(const char* path, bool value) {
    if (value) yaml_.set_flag(path, true);
  }

  void read_shape();
  void read_norms_and_positions();
  std::int64_t dense_width();
  void read_attention();
  void read_latent_attention();
  void read_biases();
  void read_window();
  void read_mamba();
  void read_experts();
  void warn_unread(const std::string& key);

  std::shared_ptr<const SourceFile> file_;
  const Json& json_;
  const HuggingFaceType& type_;
  Diagnostics& diagnostics_;
  YamlBuilder yaml_;
  std::vector<std::string> assumptions_, warnings_;
  std::int64_t hidden_ = 0;
};

std::int64_t Reader::dense_width() {
  if (const std::int64_t stated = value("ffn")) return stated;
  const auto ratio = json_.find("expansion_ratio");  // MPT
  const bool given = ratio != json_.end() && ratio->is_number();
  return given ? static_cast<std::int64_t>(ratio->get<double>() * static_cast<double>(hidden_))
               : type_.ffn_ratio * hidden_;
}

void Reader::read_shape() {
  const auto name = json_.find("_name_or_path");
  const bool named = name != json_.end() && name->is_string() && !name->get<std::string>().empty();
  yaml_.set_text("name", named ? name->get<std::string>() : std::string(type_.type));
  yaml_.set_text("source", fmt::format("config.json, model_type {}", type_.type));
  hidden_ = need("hidden");
  yaml_.set("layers", need("layers"));
  yaml_.set("hidden", hidden_);
  yaml_.set("vocab", need("vocab"));
  const std::int64_t ffn = type_.mamba ? 0 : dense_width();
  if (ffn > 0) yaml_.set("ffn", ffn);
  if (ffn == 0 && !type_.mamba && value("moe.ffn") == 0) need("ffn");
  yaml_.set_flag("gated_mlp", type_.gated);
  const bool bias = flag("mlp_bias", flag("add_bias_linear", type_.mlp_bias)) && !flag("no_bias", false);
  set_if("mlp_bias", bias);
  read_norms_and_positions();
}

void Reader::read_norms_and_positions() {
  if (type_.norms_per_layer != 2) yaml_.set("norms_per_layer", type_.norms_per_layer);
  if (type_.type == "falcon" && flag("parallel_attn", true) && !flag("new_decoder_architecture", false)) {
    yaml_.set("norms_per_layer", 1);
  }
  set_if("norm_bias", type_.norm_bias && !flag("no_bias", false));
  set_if("embedding_norm", type_.embedding_norm);
  yaml_.set_flag("tied_embeddings", flag("tie_word_embeddings", type_.tied));
  std::string_view position = type_.position;
  // Baichuan's larger model has ALiBi under the same model_type (modeling_baichuan.py of Baichuan-13B).
  if ((type_.type == "baichuan" && hidden_ >= 5120) || flag("alibi", false)) position = "alibi";
  yaml_.set_word("position", position);
  if (position == "learned") yaml_.set("max_positions", need("max_positions"));
  if (const std::int64_t mtp = value("mtp_layers")) yaml_.set("mtp_layers", mtp);
}

void Reader::read_latent_attention() {
  yaml_.set_word("attention.kind", "mla");
  for (const char* key : {"q_lora_rank", "kv_lora_rank", "nope_head_dim", "rope_head_dim", "v_head_dim"}) {
    const std::string path = fmt::format("attention.{}", key);
    if (const std::int64_t stated = value(path)) yaml_.set(path, stated);
  }
  if (!yaml_.has("attention.v_head_dim")) {  // MiniCPM3
    yaml_.set("attention.v_head_dim", hidden_ / std::max<std::int64_t>(1, need("attention.heads")));
  }
  if (value("attention.indexer.heads") == 0) return;
  for (const char* key : {"heads", "head_dim", "topk"}) {
    const std::string path = fmt::format("attention.indexer.{}", key);
    yaml_.set(path, need(path));
  }
}

void Reader::read_attention() {
  const std::int64_t heads = need("attention.heads");
  if (value("attention.kv_lora_rank") > 0) {
    yaml_.set("attention.heads", heads);
    return read_latent_attention();
  }
  std::int64_t kv = value("attention.kv_heads");
  const auto config = json_.find("attn_config");  // MPT
  if (config != json_.end() && config->is_object()) kv = config->value("kv_n_heads", kv);
  if (type_.type == "falcon" && flag("multi_query", true) && !flag("new_decoder_architecture", false)) kv = 1;
  if (type_.type == "chatglm" && !flag("multi_query_attention", true)) kv = heads;
  if (kv == 0) kv = heads;
  yaml_.set_word("attention.kind", kv == heads ? "mha" : "gqa");
  yaml_.set("attention.heads", heads);
  if (kv != heads) yaml_.set("attention.kv_heads", kv);
  if (const std::int64_t dim = value("attention.head_dim")) yaml_.set("attention.head_dim", dim);
  read_biases();
  set_if("attention.qk_norm", flag("use_qk_norm", type_.qk_norm));
  read_window();
}

void Reader::read_biases() {
  const bool all = flag("no_bias", false);
  const bool stated = json_.contains("attention_bias") || json_.contains("bias");
  const bool bias = flag("attention_bias", flag("bias", flag("add_qkv_bias", type_.qkv_bias)));
  set_if("attention.bias", bias && !all);
  const bool output = stated && type_.output_follows_attention_bias ? bias : type_.output_bias && (!stated || bias);
  set_if("attention.output_bias", output && !all);
}

void Reader::read_window() {
  const bool used = type_.windowed || flag("use_sliding_window", false);
  if (!used || !flag("use_sliding_window", true)) return;
  const bool absent = !json_.contains("sliding_window");
  const std::int64_t window = absent ? type_.window : value("window");
  if (window == 0) return;
  yaml_.set("attention.window", window);
  std::int64_t every = type_.full_every;
  const auto types = json_.find("layer_types");
  if (types != json_.end() && types->is_array()) {
    const auto full = std::find(types->begin(), types->end(), "full_attention");
    every = full == types->end() ? 0 : full - types->begin() + 1;
    for (std::size_t i = 0; i < types->size(); ++i) {
      const bool expected = every > 0 && static_cast<std::int64_t>(i + 1) % every == 0;
      if ((types->at(i) == "full_attention") == expected) continue;
      warnings_.push_back("layer_types does not repeat evenly: each so-many-th layer is taken to attend to all");
      break;
    }
  }
  if (every > 0) yaml_.set("attention.full_every", every);
}

void Reader::read_mamba() {
  const auto number = [&](const char* key, std::int64_t otherwise) {
    const auto found = json_.find(key);
    return found != json_.end() && found->is_number_integer() ? found->get<std::int64_t>() : otherwise;
  };
  yaml_.set_word("attention.kind", "mamba");
  yaml_.set("attention.mamba.state", number("state_size", 128));
  yaml_.set("attention.mamba.head_dim", number("head_dim", 64));
  yaml_.set("attention.mamba.groups", number("n_groups", 8));
  yaml_.set("attention.mamba.conv", number("conv_kernel", 4));
  yaml_.set("attention.mamba.expand", number("expand", 2));
}

void Reader::read_experts() {
  const std::int64_t experts = value("moe.experts");
  if (experts <= 1) return;
  yaml_.set("moe.experts", experts);
  yaml_.set("moe.topk", need("moe.topk"));
  const std::int64_t own = value("moe.ffn");
  yaml_.set("moe.ffn", own > 0 ? own : dense_width());
  for (const char* key : {"shared_experts", "shared_ffn", "first_dense", "node_limit", "zero_experts"}) {
    const std::string path = fmt::format("moe.{}", key);
    if (const std::int64_t stated = value(path)) yaml_.set(path, stated);
  }
  if (yaml_.has("moe.shared_ffn") && !yaml_.has("moe.shared_experts")) yaml_.set("moe.shared_experts", 1);
  if (const std::int64_t every = value("moe.every"); every > 1) yaml_.set("moe.every", every);
  if (yaml_.integer("moe.node_limit", 0) == 1) yaml_.erase("moe.node_limit");  // one group: no limit
  set_if("moe.shared_gate", type_.shared_gate);
  set_if("moe.shortcut", type_.shortcut);
  const auto dense = json_.find("mlp_only_layers");
  if (dense != json_.end() && dense->is_array() && !dense->empty()) {
    warnings_.push_back("mlp_only_layers: these layers are taken as MoE layers");
  }
}

void Reader::warn_unread(const std::string& key) {
  if (is_idle_huggingface_key(key)) return;
  for (const HuggingFaceField& each : huggingface_fields()) {
    if (std::find(each.keys.begin(), each.keys.end(), key) != each.keys.end()) return;
  }
  warnings_.push_back(fmt::format("key '{}' is not read", key));
}

}  // namespace

std::vector<std::string> huggingface_model_types() {
  std::vector<std::string> types;
  for (const HuggingFaceType& each : huggingface_types()) types.emplace_back(each.type);
  return types;
}

std::optional<ImportedYaml> read_huggingface(const SourceFile& source, Diagnostics& diagnostics) {
  const auto file = std::make_shared<const SourceFile>(source);
  Json json;
  try {
    json = Json::parse(file->text);
  } catch (const Json::parse_error& problem) {
    diagnostics.error(position_of(file, problem.byte), "not JSON: the text breaks off or goes on wrongly here");
    return std::nullopt;
  }
  const auto named = json.is_object() ? json.find("model_type") : json.end();
  if (!json.is_object() || named == json.end() || !named->is_string()) {
    diagnostics.error({file, 1, 1}, "not a model's config.json: it has no model_type");
    return std::nullopt;
  }
  const std::string type = named->get<std::string>();
  const auto& types = huggingface_types();
  const auto found = std::find_if(types.begin(), types.end(), [&](const auto& each) { return each.type == type; });
  if (found == types.end()) {
    std::string known;
    for (const std::string& each : huggingface_model_types()) known += (known.empty() ? "" : ", ") + each;
    diagnostics.error(position_of(file, file->text.find("\"model_type\"") + 1),
                      fmt::format("model_type '{}' is not known; known: {}", type, known));
    return std::nullopt;
  }
  return Reader(file, json, *found, diagnostics).read();
}

std::optional<ImportedYaml> import_huggingface(const std::string& path, Diagnostics& diagnostics) {
  std::ifstream stream(path, std::ios::binary);
  SourceFile file{path, std::string((std::istreambuf_iterator<char>(stream)), {})};
  if (!stream.is_open() || std::filesystem::is_directory(path)) {
    diagnostics.error({std::make_shared<const SourceFile>(file), 0, 0}, "cannot be read");
    return std::nullopt;
  }
  return read_huggingface(file, diagnostics);
}

}  // namespace supernode
