#include "sim/rl_step.hpp"

#include <gtest/gtest.h>

#include "sim/inference_cost.hpp"
#include "sim/rl_forward.hpp"

namespace supernode {
namespace {

Seconds combined(std::int64_t staleness, double rollout, double training, double least, double longest) {
  PlacementSpec placement;
  placement.kind = RlPlacement::kDisaggregated;
  placement.staleness = staleness;
  return combined_step(placement, Seconds(rollout), Seconds(training), Seconds(least), Seconds(longest));
}

TEST(RlStep, SynchronousPipelinesAddUpAndOthersOverlap) {
  EXPECT_DOUBLE_EQ(combined(0, 100, 60, 40, 90).value(), 160);
  EXPECT_DOUBLE_EQ(combined(1, 100, 60, 40, 90).value(), 100);
  EXPECT_DOUBLE_EQ(combined(1, 50, 60, 40, 45).value(), 60);
}

// With staleness k the longest sample may span k steps: 90 s over 2 are 45 s, above the 40 s of full replicas.
TEST(RlStep, StalenessHidesTheTail) {
  EXPECT_DOUBLE_EQ(combined(2, 100, 30, 40, 90).value(), 45);
  EXPECT_DOUBLE_EQ(combined(3, 100, 30, 40, 90).value(), 40);
  EXPECT_DOUBLE_EQ(combined(3, 100, 70, 40, 90).value(), 70);
  EXPECT_DOUBLE_EQ(combined(2, 42, 30, 40, 90).value(), 42);  // never slower than waiting
}

TEST(RlStep, AForwardPassHasNothingElse) {
  StepProgram program;
  program.stages.resize(1);
  StageProgram& stage = program.stages[0];
  stage.chunks.resize(1);
  Op op;
  for (PassKind kind : kAllPassKinds) stage.chunks[0].inner(kind).ops = stage.chunks[0].edge(kind).ops = {op};
  stage.epilogue = {op};
  stage.order = {{PassKind::kForward, 0, 0, true}, {PassKind::kBackward, 0, 0}, {PassKind::kForward, 1, 0}};
  const StepProgram forward = forward_only(program);
  const StageProgram& kept = forward.stages[0];
  ASSERT_EQ(kept.order.size(), 2u);
  EXPECT_EQ(kept.order[1].microbatch, 1);
  EXPECT_FALSE(kept.order[0].with_next);
  EXPECT_TRUE(kept.epilogue.empty());
  EXPECT_EQ(kept.chunks[0].inner(PassKind::kForward).ops.size(), 1u);
  EXPECT_TRUE(kept.chunks[0].edge(PassKind::kBackward).ops.empty());
}

// 1 TFLOP/s, 1 TB/s, attention efficiency 1 without a head width penalty, all of the bandwidth, launch 1 us. One
// sequence, 16 rows against 1000 keys of 2000 B: 2 MB, 2 us; 16·1000·2·(64 + 64) FLOPs, 4.096 us.
TEST(DecodeAttention, IsTheSlowerOfMatrixWorkAndCache) {
  ChipSpec chip;
  chip.peak[Precision::kBf16].value = FlopsPerSecond(1e12);
  chip.hbm_bandwidth.value = BytesPerSecond(1e12);
  chip.l2_capacity.value = Bytes(1e9);
  chip.cores.value = 1;
  chip.tile_m.value = chip.tile_n.value = 128;
  chip.fit.launch.value = Seconds(1e-6);
  chip.fit.parameters["attention.forward.bf16.efficiency"].value = 1;
  chip.fit.parameters["attention.forward.bf16.head_half"].value = 0;
  chip.fit.parameters["attention.forward.bf16.memory"].value = 1;
  DecodeAttention attention{
      .sequences = 1, .kv_heads = 1, .rows = 16, .keys = 1000, .qk_width = 64, .v_width = 64, .key_value = Bytes(2000)};
  EXPECT_NEAR(decode_attention_time(attention, chip).value(), 5.096e-6, 1e-12);
  attention.rows = 1;  // fills up to 16 rows all the same
  EXPECT_NEAR(decode_attention_time(attention, chip).value(), 5.096e-6, 1e-12);
  attention.key_value = Bytes(8000);
  EXPECT_NEAR(decode_attention_time(attention, chip).value(), 9e-6, 1e-12);
}

}  // namespace
}  // namespace supernode
