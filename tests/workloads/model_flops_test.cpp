// Model FLOPs a token: hand algebra, and the conventions of published throughput tables.

#include <gtest/gtest.h>

#include "base/numeric.hpp"
#include "tests/workloads/model_catalog_fixture.hpp"
#include "workloads/attention_span.hpp"
#include "workloads/layer_parameters.hpp"

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
  model.mlp_bias = model.norm_bias = model.attention.bias = model.attention.output_bias = model.attention.qk_norm =
      true;
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

// Three choices among four real and two zero experts meet two real ones; the router scores all six.
TEST(ModelFlops, ZeroExpertsCostTheirScoresOnly) {
  ModelSpec model;
  model.layers = 1;
  model.hidden = 8;
  model.vocab = 10;
  model.attention = {.kind = AttentionKind::kGqa, .heads = 2, .kv_heads = 1, .head_dim = 4};
  model.moe = {.experts = 4, .topk = 3, .ffn = 5, .zero_experts = 2};
  EXPECT_EQ(model_flops_per_token(model, 6, false), 3 * (2 * (192 + 2 * 120 + 48 + 80) + 192));
}

TEST(ModelFlops, ShortcutConnectedLayerHasTwoAttentionsAndTwoDenseMlps) {
  ModelSpec model;
  model.layers = 1;
  model.hidden = 8;
  model.vocab = 10;
  model.ffn = 16;
  model.attention = {.kind = AttentionKind::kGqa, .heads = 2, .kv_heads = 1, .head_dim = 4};
  model.moe = {.experts = 4, .topk = 1, .ffn = 5, .shortcut = true};
  EXPECT_EQ(model_flops_per_token(model, 6, false), 3 * (2 * (2 * 192 + 2 * 384 + 120 + 32 + 80) + 2 * 192));
}

// Full attention over 6 tokens; patches in and out; modulation 5·6·8 once for the 6 tokens.
TEST(ModelFlops, DiffusionTransformerByHand) {
  ModelSpec model;
  model.kind = ModelKind::kDiffusion;
  model.layers = 1;
  model.hidden = 8;
  model.ffn = 16;
  model.patch_channels = 4, model.condition_width = 5, model.condition_parameters = 100;
  model.attention = {.kind = AttentionKind::kGqa, .heads = 2, .kv_heads = 1, .head_dim = 4, .causal = false};
  EXPECT_EQ(model_flops_per_token(model, 6), 3 * (2 * (576 + 40 + 2 * 4 * 8) + 192));
}

// DeepSeek-V4's layers at 4096 tokens: a query of CSA sees its window and up to 512 of 1024 merged keys, one of HCA its
// window and half of 32; the published saving over V3.2 is at a million tokens.
TEST(ModelFlops, CompressedAttentionGrowsSlowerThanDense) {
  const ModelSpec compressed = catalogue_model("deepseek-v4-pro"), dense = catalogue_model("deepseek-v3");
  const auto growth = [](const ModelSpec& model) {
    return (model_flops_per_token(model, 1 << 20) - model_flops_per_token(model, 1 << 12)) / real(model.layers);
  };
  EXPECT_LT(growth(compressed), 0.1 * growth(dense));
}

class CatalogueModelFlops : public testing::TestWithParam<std::size_t> {};

// Without what a token does beside its weights the FLOPs are six a parameter that multiplies a token, and little else
// does not. (In a diffusion model a ninth does not: the modulations run once an image.)
TEST_P(CatalogueModelFlops, SixAParameterPlusMixing) {
  ModelSpec model = catalogue_models().at(GetParam());
  if (model.kind == ModelKind::kDiffusion) GTEST_SKIP() << "by hand above";
  model.mtp_layers = 0;
  const ParameterCount count = count_parameters(model);
  const double looked_up = model.tied_embeddings ? 0 : count.embedding - model.ngram_parameters;
  double weights = model_flops_per_token(model, 4096);
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    weights -= real(attention_blocks(model)) * mixing_flops(model, model.layer_form(layer), 4096);
  }
  EXPECT_NEAR(weights / (6 * (count.active - looked_up)), 1.0, 0.001) << model.name;
  EXPECT_GE(model_flops_per_token(model, 8192), model_flops_per_token(model, 4096));
}

INSTANTIATE_TEST_SUITE_P(All, CatalogueModelFlops, testing::Range<std::size_t>(0, model_catalog().size()),
                         [](const auto& info) { return test_name(model_catalog()[info.param].path); });

}  // namespace
}  // namespace supernode
