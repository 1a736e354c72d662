// Keys and FLOPs of each kind of attention against hand algebra.

#include "workloads/attention_span.hpp"

#include "plan_fixture.hpp"

namespace supernode {
namespace {

ModelSpec indexed_model() {
  ModelSpec model = small_dense_model();
  AttentionSpec& a = model.attention;
  a.kind = AttentionKind::kMla;
  a.q_lora_rank = 96, a.kv_lora_rank = 64;
  a.nope_head_dim = 32, a.rope_head_dim = 16, a.v_head_dim = 32;
  a.indexer = {.heads = 4, .head_dim = 16, .topk = 16, .share = 1};
  return model;
}

ModelSpec compressed_model() {
  ModelSpec model = small_dense_model();
  AttentionSpec& a = model.attention;
  a.kind = AttentionKind::kCompressed;
  a.kv_heads = 1, a.window = 8;
  a.indexer = {.heads = 4, .head_dim = 16, .topk = 4, .share = 1};
  a.compression.sparse_ratio = 4, a.compression.dense_ratio = 16;
  return model;
}

TEST(AttentionSpan, CausalAndFull) {
  ModelSpec model = small_dense_model();
  EXPECT_EQ(mean_keys(model, {}, 64), 32);
  EXPECT_EQ(mean_keys(model, {}, 64, false), 64);
  model.attention.causal = false;
  EXPECT_EQ(mean_keys(model, {}, 64), 64);
}

// Queries of a sequence of 64 with 16 keys at most: a ramp over the first quarter, flat behind: 16·(1 - 16/128) = 14.
TEST(AttentionSpan, AWindowCapsTheRamp) {
  ModelSpec model = small_dense_model();
  model.attention.window = 16;
  EXPECT_EQ(mean_keys(model, {.windowed = true}, 64), 14);
  EXPECT_EQ(mean_keys(model, {}, 64), 32);                 // a layer that sees all
  EXPECT_EQ(mean_keys(model, {.windowed = true}, 16), 8);  // a document no longer than the window
  EXPECT_EQ(mean_keys(model, {.windowed = true}, 64, false), 16);
}

TEST(AttentionSpan, AnIndexerScoresAllAndChoosesSome) {
  const AttentionSpan span = attention_span(indexed_model(), {.indexes = true}, 64);
  EXPECT_EQ(span.keys, 14);
  EXPECT_EQ(span.chosen, 14);
  EXPECT_EQ(span.scored, 32);
  EXPECT_EQ(attention_span(indexed_model(), {}, 64).scored, 0);  // a neighbour's choice
}

// 64 tokens are 16 keys of four tokens, of which 4 are chosen: 4·(1 - 4/32) = 3.5; or 4 keys of sixteen, 2 on average.
// With the window: 8·(1 - 8/128) = 7.5.
TEST(AttentionSpan, CompressedKeysAndTheirWindow) {
  const ModelSpec model = compressed_model();
  EXPECT_EQ(mean_keys(model, {.sparse = true, .indexes = true}, 64), 7.5 + 3.5);
  EXPECT_EQ(attention_span(model, {.sparse = true, .indexes = true}, 64).scored, 8);
  EXPECT_EQ(mean_keys(model, {}, 64), 7.5 + 2);
  EXPECT_EQ(mean_keys(model, {.windowed = true}, 64), 7.5);
}

TEST(AttentionSpan, FlopsOfTheCore) {
  // 8 heads of 32 over 32 keys: 2·32·8·(32 + 32) forward, three times that in all.
  EXPECT_EQ(mixing_flops(small_dense_model(), {}, 64), 3 * 2 * 32 * 8 * 64.0);
}

TEST(AttentionSpan, FlopsBehindAnIndexerAreThoseOfTheLatent) {
  // Core: 8 heads, keys of 64 + 16, values of 64, 14 keys. Indexer: 2·4·16 FLOPs a key, 32 keys forward, 2 x 14 back.
  EXPECT_EQ(mixing_flops(indexed_model(), {.indexes = true}, 64),
            3 * 2 * 14 * 8 * (80 + 64.0) + 2 * 4 * 16 * (32 + 2 * 14.0));
}

// Chunks of 64: scores 2·64·128, values 2·64·512, states and outputs 2·128·512 each, for inner width 2·256 and state
// 128; backward twice.
TEST(AttentionSpan, FlopsOfTheScan) {
  ModelSpec model = small_dense_model();
  model.attention.kind = AttentionKind::kMamba;
  EXPECT_EQ(mean_keys(model, {}, 64), 0);
  EXPECT_EQ(mixing_flops(model, {}, 64), 3 * (2 * 64 * 128 + 2 * 64 * 512 + 2 * 2 * 128 * 512.0));
  EXPECT_EQ(mixing_flops(model, {}, 4096), mixing_flops(model, {}, 256));  // linear in the sequence
}

}  // namespace
}  // namespace supernode
