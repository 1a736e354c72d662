// What decoding keeps of a token, by hand.

#include "workloads/kv_cache.hpp"

#include <gtest/gtest.h>

#include "tests/workloads/model_catalog_fixture.hpp"

namespace supernode {
namespace {

ModelSpec grouped(std::int64_t layers) {
  ModelSpec model;
  model.layers = layers;
  model.hidden = 64;
  model.ffn = 128;
  model.vocab = 32;
  model.attention.kind = AttentionKind::kGqa;
  model.attention.heads = 8;
  model.attention.kv_heads = 2;
  model.attention.head_dim = 8;
  return model;
}

// Two heads of 8, key and value, 2 bytes, in 3 layers: 192 bytes a token.
TEST(KvCache, KeepsKeyAndValueOfEachHead) {
  EXPECT_EQ(kv_cache_per_token(grouped(3), Precision::kBf16).value(), 3 * 2 * 2 * 8 * 2);
  EXPECT_EQ(kv_cache(grouped(3), Precision::kBf16, 10).value(), 10 * 192);
  EXPECT_EQ(kv_cache(grouped(3), Precision::kFp8, 10).value(), 10 * 96);
}

// Each rank has at least one head: 2 heads over 8 ranks are replicated.
TEST(KvCache, SharesHeadsOverTensorRanks) {
  const Bytes whole = kv_cache_per_token(grouped(3), Precision::kBf16);
  EXPECT_EQ(kv_cache_per_token(grouped(3), Precision::kBf16, 2), whole / 2);
  EXPECT_EQ(kv_cache_per_token(grouped(3), Precision::kBf16, 8), whole / 2);
}

// DeepSeek-V2 (arXiv 2405.04434, table 1): a latent of 512 and a rotary key of 64 for each of 61 layers, whatever TP.
TEST(KvCache, KeepsTheLatentOfMla) {
  const ModelSpec model = catalogue_model("deepseek-v3");
  EXPECT_EQ(kv_cache_per_token(model, Precision::kBf16).value(), 61 * (512 + 64) * 2);
  EXPECT_EQ(kv_cache_per_token(model, Precision::kBf16, 8), kv_cache_per_token(model, Precision::kBf16));
}

// Every second layer sees a window of 4: of 10 tokens it keeps 4. 64 bytes a token and layer.
TEST(KvCache, BoundsWindowedLayers) {
  ModelSpec model = grouped(4);
  model.attention.window = 4;
  model.attention.full_every = 2;
  EXPECT_EQ(kv_cache(model, Precision::kBf16, 10).value(), 2 * 64 * 10 + 2 * 64 * 4);
  EXPECT_EQ(kv_cache_per_token(model, Precision::kBf16).value(), 2 * 64);
}

// One shared head of 16: a window of 8 raw tokens in both layers, one in 4 merged in the first (with an index key of
// 4), one in 16 in the second. At 32 tokens: 8·16 twice, 8·(16 + 4), 2·16 elements.
TEST(KvCache, MergesCompressedKeys) {
  ModelSpec model = grouped(2);
  model.attention.kind = AttentionKind::kCompressed;
  model.attention.kv_heads = 1;
  model.attention.head_dim = 16;
  model.attention.window = 8;
  model.attention.compression.sparse_ratio = 4;
  model.attention.compression.dense_ratio = 16;
  model.attention.indexer.heads = 2;
  model.attention.indexer.head_dim = 4;
  model.attention.indexer.topk = 2;
  EXPECT_EQ(kv_cache(model, Precision::kBf16, 32).value(), 2.0 * (2 * 8 * 16 + 8 * (16 + 4) + 2 * 16));
}

// A state of 16 for each of 2·64 channels and 3 past inputs of the 2·64 + 2·16 convolved: the same at any length.
TEST(KvCache, IsConstantForStateSpaces) {
  ModelSpec model = grouped(1);
  model.attention.kind = AttentionKind::kMamba;
  model.attention.mamba.state = 16;
  EXPECT_EQ(kv_cache(model, Precision::kBf16, 100).value(), 2.0 * (128 * 16 + 3 * (128 + 32)));
  EXPECT_EQ(kv_cache_per_token(model, Precision::kBf16).value(), 0);
}

}  // namespace
}  // namespace supernode
