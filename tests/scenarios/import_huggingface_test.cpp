// config.json files against published parameter counts.
#include "scenarios/import_huggingface.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scenarios/import_fixture.hpp"

namespace supernode {
namespace {

using ::testing::HasSubstr;

struct Read {
  std::optional<ImportedYaml> yaml;
  ModelSpec model;
  std::string messages;
};

Read read(const std::string& json) {
  Diagnostics diagnostics;
  Read out;
  out.yaml = read_huggingface({"config.json", json}, diagnostics);
  if (out.yaml) {
    SpecReader reader(out.yaml->tree, "model", diagnostics);
    bind(out.model, reader);
    reader.finish();
  }
  out.messages = diagnostics.render();
  return out;
}

// Parameter counts are those of the checkpoints, as published on their model cards.
TEST(ImportHuggingFace, LlamaHasItsPublishedSize) {
  const Read out =
      read(R"({"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
    "num_hidden_layers": 32, "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": false,
    "attention_bias": false, "rope_theta": 500000.0, "torch_dtype": "bfloat16"})");
  ASSERT_TRUE(out.yaml) << out.messages;
  EXPECT_EQ(out.messages, "");
  EXPECT_NEAR(count_parameters(out.model).total(), 8.030e9, 1e6);
  EXPECT_TRUE(out.yaml->warnings.empty());
}

TEST(ImportHuggingFace, QwenMoeHasItsPublishedSize) {
  const Read out =
      read(R"({"model_type": "qwen3_moe", "hidden_size": 2048, "intermediate_size": 6144, "num_attention_heads": 32,
    "num_hidden_layers": 48, "num_key_value_heads": 4, "head_dim": 128, "vocab_size": 151936, "num_experts": 128,
    "num_experts_per_tok": 8, "moe_intermediate_size": 768, "decoder_sparse_step": 1, "mlp_only_layers": [],
    "tie_word_embeddings": false, "attention_bias": false})");
  ASSERT_TRUE(out.yaml) << out.messages;
  EXPECT_NEAR(count_parameters(out.model).total(), 30.53e9, 0.01e9);
}

TEST(ImportHuggingFace, DeepSeekHasItsPublishedSize) {
  const Read out = read(R"({"model_type": "deepseek_v3", "hidden_size": 7168, "intermediate_size": 18432,
    "moe_intermediate_size": 2048, "num_attention_heads": 128, "num_key_value_heads": 128, "num_hidden_layers": 61,
    "vocab_size": 129280, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
    "v_head_dim": 128, "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 8, "first_k_dense_replace": 3,
    "moe_layer_freq": 1, "n_group": 8, "topk_group": 4, "num_nextn_predict_layers": 1, "attention_bias": false})");
  ASSERT_TRUE(out.yaml) << out.messages;
  EXPECT_NEAR(count_parameters(out.model).total(), 671.0e9, 0.5e9);
  EXPECT_EQ(out.model.moe.node_limit, 4);
  EXPECT_EQ(out.model.mtp_layers, 1);
}

TEST(ImportHuggingFace, Gpt2TiesItsTables) {
  const Read out =
      read(R"({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "n_ctx": 1024,
    "vocab_size": 50257})");
  ASSERT_TRUE(out.yaml) << out.messages;
  EXPECT_TRUE(out.model.tied_embeddings);
  EXPECT_EQ(out.model.ffn, 3072);
  EXPECT_NEAR(count_parameters(out.model).total(), 124.4e6, 0.1e6);
}

TEST(ImportHuggingFace, WindowsRepeat) {
  const Read out =
      read(R"({"model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880, "num_attention_heads": 64,
    "num_hidden_layers": 4, "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 201088, "num_local_experts": 32,
    "num_experts_per_tok": 4, "sliding_window": 128, "attention_bias": true,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]})");
  ASSERT_TRUE(out.yaml) << out.messages;
  EXPECT_EQ(out.model.attention.window, 128);
  EXPECT_EQ(out.model.attention.full_every, 2);
  EXPECT_EQ(out.model.moe.ffn, 2880);
}

TEST(ImportHuggingFace, ShortcutConnectedExperts) {
  const Read out = read(R"({"model_type": "longcat_flash", "hidden_size": 6144, "ffn_hidden_size": 12288,
    "expert_ffn_hidden_size": 2048, "num_layers": 28, "num_attention_heads": 64, "kv_lora_rank": 512, "q_lora_rank": 1536,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 512, "zero_expert_num": 256,
    "moe_topk": 12, "vocab_size": 131072})");
  ASSERT_TRUE(out.yaml) << out.messages;
  EXPECT_TRUE(out.model.moe.shortcut);
  EXPECT_EQ(out.model.moe.zero_experts, 256);
  EXPECT_EQ(out.model.moe.topk, 12);
}

TEST(ImportHuggingFace, UnreadKeysAreWarnings) {
  const Read out =
      read(R"({"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4,
    "num_hidden_layers": 2, "vocab_size": 100, "new_attention_trick": true, "attention_dropout": 0.0})");
  ASSERT_TRUE(out.yaml) << out.messages;
  EXPECT_THAT(out.yaml->warnings, ::testing::ElementsAre("key 'new_attention_trick' is not read"));
}

TEST(ImportHuggingFace, ProblemsHaveTheirPlace) {
  EXPECT_THAT(read("{\n \"a\": 1,\n}").messages, HasSubstr("config.json:3:1: error: not JSON"));
  EXPECT_THAT(read("{\"a\": 1}").messages, HasSubstr("it has no model_type"));
  const std::string unknown = read("{\n \"model_type\": \"rwkv\"}").messages;
  EXPECT_THAT(unknown, HasSubstr("config.json:2:2: error: model_type 'rwkv' is not known; known: llama"));
  const std::string bad = R"({"model_type": "llama",
    "hidden_size": "wide", "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 10, "intermediate_size": 8})";
  EXPECT_THAT(read(bad).messages, HasSubstr("config.json:2:5: error: 'hidden_size' must be an integer"));
}

}  // namespace
}  // namespace supernode
