// Rollouts whose time follows from counting steps. A decode step takes 1 s whatever the batch, or as a test says.
#include "sim/rollout_run.hpp"

#include <gtest/gtest.h>

namespace supernode {
namespace {

RolloutInput input(std::vector<Sample> samples, std::int64_t replicas, std::int64_t max_batch) {
  RolloutInput in;
  in.samples = std::move(samples);
  in.replicas = replicas;
  in.max_batch = max_batch;
  in.cache_tokens = 1e9;
  in.step = [](double, double) { return Seconds(1); };
  in.prefill = [](double) { return Seconds(0); };
  return in;
}

TEST(Rollout, EqualSamplesTakeAsManyStepsAsTokens) {
  const RolloutResult r = run_rollout(input(std::vector<Sample>(8, {10, 300, 0}), 2, 4));
  EXPECT_DOUBLE_EQ(r.time.value(), 300);
  EXPECT_DOUBLE_EQ(r.steps, 300);
  EXPECT_DOUBLE_EQ(r.tokens, 2400);
  EXPECT_DOUBLE_EQ(r.mean_batch, 4);
  EXPECT_DOUBLE_EQ(r.tail.value(), 0);
}

// Four a replica and two slots: two waves.
TEST(Rollout, MoreSamplesThanSlotsComeInWaves) {
  EXPECT_DOUBLE_EQ(run_rollout(input(std::vector<Sample>(8, {10, 300, 0}), 2, 2)).time.value(), 600);
}

// Samples of 10 and 100 tokens start at once; when the short one ends, the third (20) takes its slot: the long one
// holds the rollout. After step 30 one sequence of at most two is left, which is not less than half.
TEST(Rollout, TheLongestSampleHoldsIt) {
  const RolloutResult r = run_rollout(input({{1, 10, 0}, {1, 100, 0}, {1, 20, 0}}, 1, 2));
  EXPECT_DOUBLE_EQ(r.time.value(), 100);
  EXPECT_DOUBLE_EQ(r.mean_batch, (30 * 2 + 70) / 100.0);
  EXPECT_DOUBLE_EQ(r.tail.value(), 0);
}

// Four of 10 tokens and one of 50: from step 10 on one of five decodes, which is the tail.
TEST(Rollout, TheTailIsTimeWithLessThanHalf) {
  const RolloutResult r = run_rollout(input({{1, 50, 0}, {1, 10, 0}, {1, 10, 0}, {1, 10, 0}, {1, 10, 0}}, 1, 8));
  EXPECT_DOUBLE_EQ(r.time.value(), 50);
  EXPECT_DOUBLE_EQ(r.tail.value(), 40);
}

// A step that takes one second a thousand tokens of mean context: contexts grow from 100 to 300, 200 on average, over
// 200 steps.
TEST(Rollout, StepsGrowWithTheContext) {
  RolloutInput in = input({{100, 200, 0}}, 1, 1);
  in.step = [](double, double context) { return Seconds(context / 1000); };
  EXPECT_NEAR(run_rollout(in).time.value(), 200 * 0.2, 1e-9);
}

TEST(Rollout, SpeculationTakesFewerSteps) {
  RolloutInput in = input({{100, 340, 0}}, 1, 1);
  in.tokens_per_step = 1.7;
  EXPECT_DOUBLE_EQ(run_rollout(in).time.value(), 200);
}

// Prefill of one prompt takes 2 s; two begin at once, then one more when a slot is free.
TEST(Rollout, PromptsArePrefilledWhenTheyBegin) {
  RolloutInput in = input(std::vector<Sample>(3, {10, 50, 0}), 1, 2);
  in.prefill = [](double prompts) { return Seconds(2 * prompts); };
  const RolloutResult r = run_rollout(in);
  EXPECT_DOUBLE_EQ(r.prefill.value(), 6);
  EXPECT_DOUBLE_EQ(r.time.value(), 106);
}

// Two sequences of 10 + 90 tokens share room for 120. Both grow from 10: the cache is full when each has 60. One is
// thrown out at step 50 and begins again with its 50 tokens when the other ends at 90: 40 more steps, 130 in all.
TEST(Rollout, AFullCacheThrowsOutTheLastBegun) {
  RolloutInput in = input(std::vector<Sample>(2, {10, 90, 0}), 1, 2);
  in.cache_tokens = 120;
  const RolloutResult r = run_rollout(in);
  EXPECT_DOUBLE_EQ(r.preempted, 1);
  EXPECT_DOUBLE_EQ(r.time.value(), 130);
  EXPECT_DOUBLE_EQ(r.tokens, 180);
}

// Three quarters of four finish at step 20; the fourth goes on later with its 20 tokens.
TEST(Rollout, PartialRolloutsLeaveTheTailForLater) {
  RolloutInput in = input({{1, 20, 0}, {1, 20, 0}, {1, 20, 0}, {1, 100, 0}}, 1, 4);
  in.stop_share = 0.75;
  const RolloutResult r = run_rollout(in);
  EXPECT_DOUBLE_EQ(r.time.value(), 20);
  ASSERT_EQ(r.unfinished.size(), 1u);
  EXPECT_DOUBLE_EQ(r.unfinished[0].done, 20);
  EXPECT_DOUBLE_EQ(r.tokens, 80);
  const RolloutResult rest = run_rollout(input(r.unfinished, 1, 4));
  EXPECT_DOUBLE_EQ(rest.time.value(), 80);
}

// Replicas of one instance decode in step: the one with four sequences sets the pace of the one with three.
TEST(Rollout, TheBusiestReplicaSetsThePace) {
  RolloutInput in = input(std::vector<Sample>(7, {10, 50, 0}), 2, 8);
  in.step = [](double sequences, double) { return Seconds(sequences); };
  EXPECT_DOUBLE_EQ(run_rollout(in).time.value(), 50 * 4);
}

}  // namespace
}  // namespace supernode
