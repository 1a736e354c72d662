#include "scenarios/import_families.hpp"

#include <algorithm>

#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

// Sources: the models' config.json and modelling code on Hugging Face; GPT: arXiv 2005.14165 and Megatron-LM's
// arguments.py (vocabulary 50,257 padded to 51,200); MPT: mosaicml/llm-foundry, scripts/train/yamls/pretrain;
// Nemotron-4: arXiv 2406.11704; BLOOM: arXiv 2211.05100; OLMo-style names are Llama-like.
constexpr ModelFamily kGpt{.needle = "gpt",
                           .catalogue = "gpt3-175b",
                           .gated = false,
                           .mlp_bias = true,
                           .qkv_bias = true,
                           .output_bias = true,
                           .norm_bias = true,
                           .tied = true,
                           .position = "learned",
                           .vocab = 51'200};

ModelFamily like(ModelFamily family, std::string_view needle, std::string_view catalogue) {
  family.needle = needle;
  family.catalogue = catalogue;
  return family;
}

std::vector<ModelFamily> make_families() {
  ModelFamily gpt4 = like(kGpt, "gpt4", "");  // MindSpeed's long-context proxies: no table of so many positions
  gpt4.position = "rope";
  return {
      {.needle = "gpt-oss-20b",
       .catalogue = "gpt-oss-20b",
       .mlp_bias = true,
       .qkv_bias = true,
       .output_bias = true,
       .vocab = 201'088,
       .window = 128,
       .full_every = 2},
      {.needle = "gpt-oss",
       .catalogue = "gpt-oss-120b",
       .mlp_bias = true,
       .qkv_bias = true,
       .output_bias = true,
       .vocab = 201'088,
       .window = 128,
       .full_every = 2},
      gpt4,
      like(kGpt, "mt-nlg", "mt-nlg-530b"),
      {.needle = "bloom",
       .catalogue = "bloom-7b1",
       .gated = false,
       .mlp_bias = true,
       .qkv_bias = true,
       .output_bias = true,
       .norm_bias = true,
       .embedding_norm = true,
       .tied = true,
       .position = "alibi",
       .vocab = 250'880},
      {.needle = "mpt-1b", .catalogue = "mpt-1b", .gated = false, .tied = true, .position = "alibi", .vocab = 50'368},
      {.needle = "mpt-3b", .catalogue = "mpt-3b", .gated = false, .tied = true, .position = "alibi", .vocab = 50'368},
      {.needle = "mpt-7b", .catalogue = "mpt-7b", .gated = false, .tied = true, .position = "alibi", .vocab = 50'368},
      {.needle = "mpt-13b", .catalogue = "mpt-13b", .gated = false, .tied = true, .position = "alibi", .vocab = 50'368},
      {.needle = "mpt-30b", .catalogue = "mpt-30b", .gated = false, .tied = true, .position = "alibi", .vocab = 50'368},
      {.needle = "mpt-70b", .catalogue = "mpt-70b", .gated = false, .tied = true, .position = "alibi", .vocab = 50'368},
      {.needle = "mpt", .gated = false, .tied = true, .position = "alibi", .vocab = 50'368},
      {.needle = "nemotron", .catalogue = "nemotron-4-340b", .gated = false, .norm_bias = true, .vocab = 256'000},
      {.needle = "deepseek-v4-flash", .catalogue = "deepseek-v4-flash", .vocab = 129'280},
      {.needle = "deepseek4_flash", .catalogue = "deepseek-v4-flash", .vocab = 129'280},
      {.needle = "deepseek-v4-pro", .catalogue = "deepseek-v4-pro", .vocab = 129'280},
      {.needle = "deepseek32", .catalogue = "deepseek-v3.2", .vocab = 129'280},
      {.needle = "deepseek-v3.2", .catalogue = "deepseek-v3.2", .vocab = 129'280},
      {.needle = "deepseek-v2", .catalogue = "deepseek-v2", .vocab = 102'400},
      {.needle = "deepseek-r1", .catalogue = "deepseek-r1", .vocab = 129'280},
      {.needle = "deepseek", .catalogue = "deepseek-v3", .vocab = 129'280},
      {.needle = "pangu ultra moe", .catalogue = "pangu-ultra-moe-718b", .vocab = 153'600, .norms_per_layer = 4},
      {.needle = "pangu pro moe", .catalogue = "pangu-pro-moe-72b", .vocab = 153'376, .norms_per_layer = 4},
      {.needle = "pangu", .catalogue = "pangu-ultra-135b", .vocab = 153'376, .norms_per_layer = 4},
      {.needle = "longcat", .catalogue = "longcat-flash-560b", .vocab = 131'072},
      {.needle = "qwen3-235b", .catalogue = "qwen3-235b-a22b", .qk_norm = true, .vocab = 151'936},
      {.needle = "qwen3-30b", .catalogue = "qwen3-30b-a3b", .qk_norm = true, .vocab = 151'936},
      {.needle = "qwen3_30b", .catalogue = "qwen3-30b-a3b", .qk_norm = true, .vocab = 151'936},
      {.needle = "qwen3-32b", .catalogue = "qwen3-32b", .qk_norm = true, .vocab = 151'936},
      {.needle = "qwen3", .catalogue = "qwen3-8b", .qk_norm = true, .vocab = 151'936},
      {.needle = "qwen2-0.5b", .catalogue = "qwen2-0.5b", .qkv_bias = true, .tied = true, .vocab = 151'936},
      {.needle = "qwen1.5-0.5b", .qkv_bias = true, .tied = true, .vocab = 151'936},
      {.needle = "qwen2.5-32b", .catalogue = "qwen2.5-32b", .qkv_bias = true, .vocab = 152'064},
      {.needle = "qwen2.5-7b", .catalogue = "qwen2.5-7b", .qkv_bias = true, .vocab = 152'064},
      {.needle = "qwen2.5-14b", .catalogue = "qwen2.5-14b", .qkv_bias = true, .vocab = 152'064},
      {.needle = "qwen2.5-72b", .catalogue = "qwen2.5-72b", .qkv_bias = true, .vocab = 152'064},
      {.needle = "qwen2-7b", .catalogue = "qwen2-7b", .qkv_bias = true, .vocab = 152'064},
      {.needle = "qwen", .qkv_bias = true, .vocab = 151'936},
      {.needle = "grok", .catalogue = "grok-1-314b", .vocab = 131'072, .norms_per_layer = 4},
      {.needle = "mixtral-8x22b", .catalogue = "mixtral-8x22b", .vocab = 32'000},
      {.needle = "mixtral", .catalogue = "mixtral-8x7b", .vocab = 32'000},
      {.needle = "gemma2",
       .catalogue = "gemma-2-9b",
       .gelu_gate = true,
       .tied = true,
       .vocab = 256'000,
       .norms_per_layer = 4,
       .window = 4096,
       .full_every = 2},
      {.needle = "gemma-2b", .catalogue = "gemma-2b", .gelu_gate = true, .tied = true, .vocab = 256'000},
      {.needle = "gemma", .catalogue = "gemma-7b", .gelu_gate = true, .tied = true, .vocab = 256'000},
      {.needle = "chatglm3", .catalogue = "chatglm3-6b", .qkv_bias = true, .vocab = 65'024},
      {.needle = "glm4", .catalogue = "glm-4-9b", .qkv_bias = true, .vocab = 151'552},
      {.needle = "minicpm-8x2b", .catalogue = "minicpm-moe-8x2b", .tied = true, .vocab = 122'753},
      {.needle = "minicpm", .catalogue = "minicpm-2b", .tied = true, .vocab = 122'753},
      {.needle = "baichuan2-13b", .catalogue = "baichuan2-13b", .position = "alibi", .vocab = 125'696},
      {.needle = "baichuan2", .catalogue = "baichuan2-7b", .vocab = 125'696},
      {.needle = "baichuan-13b", .catalogue = "baichuan-13b", .position = "alibi", .vocab = 64'000},
      {.needle = "baichuan", .catalogue = "baichuan-7b", .vocab = 64'000},
      {.needle = "internlm2", .catalogue = "internlm2-20b", .vocab = 92'544},
      {.needle = "internlm3", .vocab = 128'512},
      {.needle = "internlm", .qkv_bias = true, .output_bias = true, .vocab = 103'168},
      {.needle = "aquila2", .vocab = 100'008},
      {.needle = "yi-", .catalogue = "yi-34b", .vocab = 64'000},
      {.needle = "phi",
       .catalogue = "phi-3.5-moe",
       .mlp_bias = false,
       .qkv_bias = true,
       .output_bias = true,
       .norm_bias = true,
       .vocab = 32'064},
      {.needle = "mamba2_2.7b", .gated = false, .position = "none", .vocab = 256'000},
      {.needle = "mamba", .gated = false, .tied = true, .position = "none", .vocab = 50'288},
      {.needle = "llama-3.1-405b", .catalogue = "llama-3.1-405b", .vocab = 128'256},
      {.needle = "llama-3-70b", .catalogue = "llama-3.1-70b", .vocab = 128'256},
      {.needle = "llama-3.1-70b", .catalogue = "llama-3.1-70b", .vocab = 128'256},
      {.needle = "llama-3", .catalogue = "llama-3.1-8b", .vocab = 128'256},
      {.needle = "llama3", .catalogue = "llama-3.1-8b", .vocab = 128'256},
      {.needle = "llama-2-70b", .catalogue = "llama-2-70b", .vocab = 32'000},
      {.needle = "llama2-70b", .catalogue = "llama-2-70b", .vocab = 32'000},
      {.needle = "llama-2-13b", .catalogue = "llama-2-13b", .vocab = 32'000},
      {.needle = "llama2-13b", .catalogue = "llama-2-13b", .vocab = 32'000},
      {.needle = "llama-65b", .catalogue = "llama-1-65b", .vocab = 32'000},
      {.needle = "llama-33b", .catalogue = "llama-1-33b", .vocab = 32'000},
      {.needle = "llama", .catalogue = "llama-2-7b", .vocab = 32'000},
      kGpt,
      {.needle = "", .vocab = 32'000},
  };
}

}  // namespace

const std::vector<ModelFamily>& model_families() {
  static const std::vector<ModelFamily> kFamilies = make_families();
  return kFamilies;
}

const ModelFamily& model_family(std::string_view lower_case_name) {
  const auto& families = model_families();
  return *std::find_if(families.begin(), families.end(),
                       [&](const ModelFamily& family) { return contains(lower_case_name, family.needle); });
}

}  // namespace supernode
