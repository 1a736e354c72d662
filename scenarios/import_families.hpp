#pragma once
// What a model's name tells beside its sizes: whether its MLP is gated, how positions enter, which tables are tied.
// Tables of published runs give sizes only.

#include <cstdint>
#include <string_view>
#include <vector>

namespace supernode {

struct ModelFamily {
  std::string_view needle;          // in the model's name, lower case; the first entry that occurs wins
  std::string_view catalogue = "";  // the catalogue's entry of equal shape, "" = none
  bool gated = true;
  bool gelu_gate = false;  // the gate is a GELU, not a SiLU
  bool mlp_bias = false, qkv_bias = false, output_bias = false, qk_norm = false;
  bool norm_bias = false, embedding_norm = false;
  bool tied = false;
  std::string_view position = "rope";
  std::int64_t vocab = 0;  // when the row does not say; 0 = unknown
  std::int64_t norms_per_layer = 2;
  std::int64_t window = 0, full_every = 0;
};

// The last entry's needle is "", which occurs everywhere: a Llama-like model.
const std::vector<ModelFamily>& model_families();
const ModelFamily& model_family(std::string_view lower_case_name);

}  // namespace supernode
