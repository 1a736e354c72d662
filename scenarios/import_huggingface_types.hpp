#pragma once
// What each model_type of Hugging Face transformers is beyond the keys of its config.json. Source: the configuration
// and modelling files of that type (defaults of the configuration class where a key may be left out).

#include <string>
#include <string_view>
#include <vector>

namespace supernode {

struct HuggingFaceType {
  std::string_view type;
  bool gated = true;
  bool mlp_bias = false, qkv_bias = false, output_bias = false;  // `attention_bias` of the file replaces the latter two
  bool output_follows_attention_bias = false;                    // `attention_bias` covers the output projection too
  bool qk_norm = false, norm_bias = false, embedding_norm = false;
  bool tied = false;  // without `tie_word_embeddings`
  std::string_view position = "rope";
  int norms_per_layer = 2;
  int ffn_ratio = 0;      // MLP width over hidden size where the file gives none
  int window = 0;         // attention window where the file gives none but the type has one
  int full_every = 0;     // with a window: each so-many-th layer attends to all, without `layer_types`
  bool windowed = false;  // `sliding_window` applies
  bool shared_gate = false, shortcut = false, mamba = false;
};

const std::vector<HuggingFaceType>& huggingface_types();

// One of our fields and the keys that may hold it, the first that is there wins.
struct HuggingFaceField {
  std::string_view path;
  std::vector<std::string_view> keys;
};
const std::vector<HuggingFaceField>& huggingface_fields();

// Keys that say nothing about cost: token ids, dropout, initialisation, names.
bool is_idle_huggingface_key(std::string_view key);

}  // namespace supernode
