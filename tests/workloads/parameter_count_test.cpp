// Parameter counts: hand algebra on small models, published totals on the catalogue.

#include <gtest/gtest.h>

#include "tests/workloads/model_catalog_fixture.hpp"

namespace supernode {
namespace {

ModelSpec tiny_dense() {
  ModelSpec model;
  model.layers = 2;
  model.hidden = 8;
  model.vocab = 10;
  model.ffn = 16;
  model.attention = {.kind = AttentionKind::kGqa, .heads = 2, .kv_heads = 1, .head_dim = 4};
  return model;
}

TEST(ParameterCount, TinyGatedGroupedQueryModel) {
  const ParameterCount count = count_parameters(tiny_dense());
  EXPECT_EQ(count.embedding, 80);       // 10·8
  EXPECT_EQ(count.head, 80);            // untied
  EXPECT_EQ(count.attention, 2 * 192);  // q 8·8, k and v 8·4 each, o 8·8
  EXPECT_EQ(count.dense_mlp, 2 * 3 * 8 * 16);
  EXPECT_EQ(count.norms, 2 * 2 * 8 + 8);  // two a layer and the last one
  EXPECT_EQ(count.total(), 80 + 80 + 384 + 768 + 40);
  EXPECT_EQ(count.active, count.total());
  EXPECT_EQ(count.mtp, 0);
}

TEST(ParameterCount, BiasesLearnedPositionsAndTiedHeadAsInGpt) {
  ModelSpec model = tiny_dense();
  model.gated_mlp = false;
  model.mlp_bias = model.norm_bias = model.tied_embeddings = true;
  model.position = PositionKind::kLearned;
  model.max_positions = 6;
  model.attention = {.kind = AttentionKind::kMha, .heads = 2, .kv_heads = 2, .head_dim = 4, .bias = true};
  const ParameterCount count = count_parameters(model);
  EXPECT_EQ(count.embedding, (10 + 6) * 8);
  EXPECT_EQ(count.head, 0);
  EXPECT_EQ(count.attention, 2 * (4 * 64 + 4 * 8));  // four 8x8 matrices, four biases of 8
  EXPECT_EQ(count.dense_mlp, 2 * (2 * 8 * 16 + 16 + 8));
  EXPECT_EQ(count.norms, 5 * 16);
}

TEST(ParameterCount, QueryKeyNormsCountOnceAHeadWidth) {
  ModelSpec model = tiny_dense();
  const double before = count_parameters(model).norms;
  model.attention.qk_norm = true;
  EXPECT_EQ(count_parameters(model).norms - before, 2 * 2 * 4);
}

TEST(ParameterCount, MixtureOfExpertsWithSharedExpertAndDensePrefix) {
  ModelSpec model = tiny_dense();
  model.layers = 3;
  model.moe = {.experts = 4, .topk = 2, .ffn = 5, .shared_experts = 1, .first_dense = 1};
  const ParameterCount count = count_parameters(model);
  EXPECT_EQ(count.dense_mlp, 3 * 8 * 16);
  EXPECT_EQ(count.experts, 2 * 4 * 3 * 8 * 5);
  EXPECT_EQ(count.shared_experts, 2 * 3 * 8 * 5);
  EXPECT_EQ(count.router, 2 * 8 * 4);
  EXPECT_EQ(count.total() - count.active, 2 * 2 * 3 * 8 * 5);  // two idle experts in each of two layers
}

TEST(ParameterCount, EverySecondLayerIsMixtureOfExperts) {
  ModelSpec model = tiny_dense();
  model.layers = 5;
  model.moe = {.experts = 4, .topk = 1, .ffn = 5, .first_dense = 1, .every = 2};
  std::vector<bool> moe;
  for (std::int64_t layer = 0; layer < model.layers; ++layer) moe.push_back(model.is_moe(layer));
  EXPECT_EQ(moe, (std::vector<bool>{false, false, true, false, true}));
}

// DeepSeek-V3's README_WEIGHTS gives the parts of the MTP module: 11.5B parameters beyond the shared embedding and
// head, which have 0.9B each.
TEST(ParameterCount, DeepSeekV3MtpModuleAsPublished) {
  const ModelSpec model = catalogue_model("deepseek-v3");
  const ParameterCount count = count_parameters(model);
  EXPECT_NEAR(count.mtp / 11.5e9, 1.0, 0.01);
  EXPECT_NEAR(count.embedding, 0.9e9, 0.05e9);
  EXPECT_NEAR(count.total(), 671.0e9, 0.1e9);
  // 685B on disk: the stored MTP module repeats embedding and head (the paper's 14B).
  EXPECT_NEAR(count.total_with_mtp() + count.embedding + count.head, 685e9, 1e9);
}

TEST(ParameterCount, DeepSeekR1IsDeepSeekV3) {
  EXPECT_EQ(count_parameters(catalogue_model("deepseek-r1")).total(),
            count_parameters(catalogue_model("deepseek-v3")).total());
}

class CatalogueParameterCount : public testing::TestWithParam<std::size_t> {};

TEST_P(CatalogueParameterCount, TotalWithinOnePercentOfPublished) {
  const ModelSpec model = catalogue_models().at(GetParam());
  ASSERT_GT(model.published_parameters, 0) << model.name << " states no published total";
  EXPECT_NEAR(count_parameters(model).total() / model.published_parameters, 1.0, 0.01) << model.name;
}

// Published active counts are rounded to whole billions and differ in whether they hold the embedding.
TEST_P(CatalogueParameterCount, ActiveWithinRoundingOfPublished) {
  const ModelSpec model = catalogue_models().at(GetParam());
  if (model.moe.experts == 0) {
    EXPECT_EQ(model.published_active_parameters, 0) << "a dense model has no active count of its own";
    return;
  }
  if (model.published_active_parameters == 0) GTEST_SKIP() << model.name << " publishes no active count";
  const ParameterCount count = count_parameters(model);
  const double rounding = 0.5e9;
  EXPECT_GE(count.active, model.published_active_parameters - rounding) << model.name;
  EXPECT_LE(count.active - count.embedding, model.published_active_parameters + rounding) << model.name;
}

INSTANTIATE_TEST_SUITE_P(All, CatalogueParameterCount, testing::Range<std::size_t>(0, model_catalog().size()),
                         [](const auto& info) { return test_name(model_catalog()[info.param].path); });

}  // namespace
}  // namespace supernode
