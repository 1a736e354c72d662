// Model FLOPs a token: hand algebra, and the conventions of published throughput tables.

#include <gtest/gtest.h>

#include "tests/workloads/model_catalog_fixture.hpp"

namespace supernode {
namespace {

TEST(ModelFlops, TinyModelByHand) {
  ModelSpec model;
  model.layers = 2;
  model.hidden = 8;
  model.vocab = 10;
  model.ffn = 16;
  model.attention = {.kind = AttentionKind::kGqa, .heads = 2, .kv_heads = 1, .head_dim = 4};
  // A layer: 192 attention and 384 MLP parameters; head 80. Attention over 6 keys: 2·6·2·(4+4) = 192 a layer.
  EXPECT_EQ(model_flops_per_token(model, 6, false), 3 * (2 * (2 * 576 + 192) + 2 * 80));
  EXPECT_EQ(model_flops_per_token(model, 6, true), 3 * (2 * (2 * 576 + 96) + 2 * 80));
}

TEST(ModelFlops, BiasesAndNormsCountNothing) {
  ModelSpec model = catalogue_model("llama-2-7b");
  const double before = model_flops_per_token(model, 4096);
  model.mlp_bias = model.norm_bias = model.attention.bias = model.attention.qk_norm = true;
  EXPECT_EQ(model_flops_per_token(model, 4096), before);
}

// Megatron-Bridge's tables (causal half) and those of NeMo before it (full square) imply these: TFLOPS over tokens/s.
TEST(ModelFlops, Llama70bUnderBothAttentionConventions) {
  const ModelSpec model = catalogue_model("llama-3.1-70b");
  EXPECT_NEAR(model_flops_per_token(model, 8192, true) / 449e9, 1.0, 0.002);
  EXPECT_NEAR(model_flops_per_token(model, 8192, false) / 481.5e9, 1.0, 0.002);
}

// Megatron-Bridge: 1635 TFLOPS at 6288 tokens/s with MTP, 961 at 3848 without.
TEST(ModelFlops, DeepSeekV3WithAndWithoutMtp) {
  ModelSpec model = catalogue_model("deepseek-v3");
  EXPECT_NEAR(model_flops_per_token(model, 4096) / (1635e12 / 6288), 1.0, 0.01);
  model.mtp_layers = 0;
  EXPECT_NEAR(model_flops_per_token(model, 4096) / (961e12 / 3848), 1.0, 0.01);
}

// arXiv 2104.04473, appendix: 96·B·s·l·h²·(1 + s/6h + V/16lh) with recomputation, that is four forward passes; three
// of them are 72·s·l·h²·(1 + s/6h + V/12lh), attention counted in full.
TEST(ModelFlops, Gpt3ByMegatronsFormula) {
  const ModelSpec model = catalogue_model("gpt3-175b");
  const double s = 2048, l = 96, h = 12288, v = 51200;
  const double formula = 72 * l * h * h * (1 + s / (6 * h) + v / (12 * l * h));
  EXPECT_NEAR(model_flops_per_token(model, 2048, false) / formula, 1.0, 1e-12);
}

class CatalogueModelFlops : public testing::TestWithParam<std::size_t> {};

// Without attention's square the FLOPs are six a parameter that multiplies a token, and little else does not.
TEST_P(CatalogueModelFlops, SixAParameterPlusAttention) {
  ModelSpec model = catalogue_models().at(GetParam());
  model.mtp_layers = 0;
  const ParameterCount count = count_parameters(model);
  const double multiplying = count.active - (model.tied_embeddings ? 0 : count.embedding);
  EXPECT_NEAR(model_flops_per_token(model, 0) / (6 * multiplying), 1.0, 0.001) << model.name;
  EXPECT_GT(model_flops_per_token(model, 8192), model_flops_per_token(model, 4096));
}

INSTANTIATE_TEST_SUITE_P(All, CatalogueModelFlops, testing::Range<std::size_t>(0, model_catalog().size()),
                         [](const auto& info) { return test_name(model_catalog()[info.param].path); });

}  // namespace
}  // namespace supernode
