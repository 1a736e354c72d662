// The orders of the schedules: as their papers draw them, complete, causal, free of deadlock.

#include <gmock/gmock.h>

#include "schedule_fixture.hpp"

namespace supernode {
namespace {

using enum PipelineSchedule;
using Orders = std::vector<std::vector<Slot>>;
using ::testing::HasSubstr;

TEST(PipelineOrder, GPipeByHand) {
  for (const auto& order : pipeline_order(schedule_plan(kGPipe, 3, 4))) {
    EXPECT_EQ(order_text(order), "F0 F1 F2 F3 B0 B1 B2 B3");
  }
}

TEST(PipelineOrder, OneForwardOneBackwardByHand) {
  // arXiv 2104.04473, figure 4 top, with three stages and four micro-batches.
  const Orders orders = pipeline_order(schedule_plan(kOneForwardOneBackward, 3, 4));
  EXPECT_EQ(order_text(orders[0]), "F0 F1 F2 B0 F3 B1 B2 B3");
  EXPECT_EQ(order_text(orders[1]), "F0 F1 B0 F2 B1 F3 B2 B3");
  EXPECT_EQ(order_text(orders[2]), "F0 B0 F1 B1 F2 B2 F3 B3");
}

TEST(PipelineOrder, InterleavedByHand) {
  const Orders orders = pipeline_order(schedule_plan(kInterleaved, 2, 4));
  // Stage 1: (2 - 1)·2 forward passes before the first 1F1B pair, stage 0 two more.
  EXPECT_EQ(order_text(orders[1], true),
            "F0.0 F1.0 F0.1 B0.1 F1.1 B1.1 F2.0 B0.0 F3.0 B1.0 F2.1 B2.1 F3.1 B3.1 B2.0 B3.0");
  EXPECT_EQ(order_text(orders[0], true),
            "F0.0 F1.0 F0.1 F1.1 F2.0 B0.1 F3.0 B1.1 F2.1 B0.0 F3.1 B1.0 B2.1 B3.1 B2.0 B3.0");
}

// Three micro-batches on two stages: one group of three, as a last group of one would be too short.
TEST(PipelineOrder, InterleavedTakesLargerGroups) {
  const Orders orders = pipeline_order(schedule_plan(kInterleaved, 2, 3));
  EXPECT_EQ(order_text(orders[1], true), "F0.0 F1.0 F2.0 F0.1 B0.1 F1.1 B1.1 F2.1 B2.1 B0.0 B1.0 B2.0");
  EXPECT_EQ(order_text(pipeline_order(schedule_plan(kInterleaved, 2, 1))[0], true), "F0.0 F0.1 B0.1 B0.0");
}

// arXiv 2401.10241, figure 3 (ZB-H1): stage s owes s weight halves in the steady state.
TEST(PipelineOrder, ZeroBubbleH1ByHand) {
  const Orders orders = pipeline_order(schedule_plan(kZeroBubbleH1, 3, 4));
  EXPECT_EQ(order_text(orders[0]), "F0 F1 F2 I0 W0 F3 I1 W1 I2 W2 I3 W3");
  EXPECT_EQ(order_text(orders[1]), "F0 F1 I0 F2 I1 W0 F3 I2 W1 I3 W2 W3");
  EXPECT_EQ(order_text(orders[2]), "F0 I0 F1 I1 F2 I2 W0 F3 I3 W1 W2 W3");
}

// arXiv 2401.10241, figure 6 (ZB-V), with two stages and three micro-batches.
TEST(PipelineOrder, ZeroBubbleVByHand) {
  const Orders orders = pipeline_order(schedule_plan(kZeroBubbleV, 2, 3));
  EXPECT_EQ(order_text(orders[0], true),
            "F0.0 F1.0 F2.0 F0.1 I0.1 W0.1 F1.1 I1.1 W1.1 I0.0 W0.0 F2.1 I2.1 W2.1 I1.0 W1.0 I2.0 W2.0");
  EXPECT_EQ(order_text(orders[1], true),
            "F0.0 F0.1 F1.0 F1.1 I0.1 W0.1 F2.0 I0.0 W0.0 F2.1 I1.1 W1.1 I1.0 I2.1 I2.0 W1.0 W2.1 W2.0");
}

// Stages 0 and 1 of two: each the mirror image of the other.
TEST(PipelineOrder, DualPipeByHand) {
  const Orders orders = pipeline_order(schedule_plan(kDualPipe, 2, 4, true));
  EXPECT_EQ(order_text(orders[0], true), "F0.0 F0.1 F1.0 B0.1 F1.1+ B0.0 B1.1 I1.0 W1.0");
  EXPECT_EQ(order_text(orders[1], true), "F0.1 F0.0 F1.1 B0.0 F1.0+ B0.1 B1.0 I1.1 W1.1");
}

TEST(PipelineOrder, DualPipeVByHand) {
  const Orders orders = pipeline_order(schedule_plan(kDualPipeV, 2, 4, true));
  EXPECT_EQ(order_text(orders[0], true),
            "F0.0 F1.0 F2.0 F0.1 I0.1 W0.1 F1.1 F3.0+ B1.1 F2.1+ B0.0 B2.1 F3.1+ B1.0 B3.1 I2.0 W2.0 I3.0 W3.0");
  EXPECT_EQ(order_text(orders[1], true),
            "F0.0 F0.1 F1.0 F1.1 F2.0 B0.1 F2.1+ B0.0 F3.0+ B1.1 F3.1+ B1.0 B2.1 B2.0 I3.1 I3.0 W3.1 W3.0");
}

TEST(PipelineOrder, PairsAreOfDifferentMicrobatches) {
  const Orders orders = pipeline_order(schedule_plan(kOneForwardOneBackward, 2, 4, true));
  EXPECT_EQ(order_text(orders[0]), "F0 F1 F2 F3+ B0 B1 B2 B3");
  EXPECT_EQ(order_text(orders[1]), "F0 F1+ B0 F2+ B1 F3+ B2 B3");
  EXPECT_EQ(order_text(pipeline_order(schedule_plan(kOneForwardOneBackward, 1, 3, true))[0]), "F0 F1+ B0 F2+ B1 B2");
}

TEST(PipelineOrder, OnlySchedulesThatAlternatePair) {
  for (const PipelineSchedule schedule : kAllSchedules) {
    const PlanSpec plan = schedule_plan(schedule, 4, 16, true);
    bool pairs = false;
    for (const auto& order : pipeline_order(plan)) {
      for (const Slot& slot : order) pairs |= slot.with_next;
    }
    EXPECT_EQ(pairs, pairs_passes(plan)) << to_string(schedule);
    EXPECT_EQ(pairs, schedule != kGPipe && schedule != kZeroBubbleH1 && schedule != kZeroBubbleV);
  }
}

// The bidirectional schedules need two micro-batches a stage; the others take any number.
TEST(PipelineOrder, IsRightForManyShapes) {
  for (const PipelineSchedule schedule : kAllSchedules) {
    const bool two_way = schedule == kDualPipe || schedule == kDualPipeV;
    for (std::int64_t stages : {2, 3, 4, 6, 8, 16}) {
      if (schedule == kDualPipe && stages % 2 != 0) continue;
      for (std::int64_t extra : {0, 1, 2, 3, 7, 8, 14, 40}) {
        const std::int64_t microbatches = two_way ? 2 * stages + extra : 1 + extra;
        if (schedule == kDualPipe && microbatches % 2 != 0) continue;
        for (bool paired : {false, true}) {
          const PlanSpec plan = schedule_plan(schedule, stages, microbatches, paired);
          EXPECT_EQ(check_order(pipeline_order(plan), plan), std::nullopt)
              << to_string(schedule) << " " << stages << " stages, " << microbatches << " micro-batches, " << paired;
        }
      }
    }
  }
}

TEST(PipelineOrder, InterleavedIsRightForAnyNumberOfChunks) {
  for (std::int64_t stages : {2, 3, 7, 8}) {
    for (std::int64_t chunks : {3, 5, 8}) {
      for (std::int64_t microbatches : {1, 2, 5, 8, 9, 24, 29}) {
        PlanSpec plan = schedule_plan(kInterleaved, stages, microbatches);
        plan.virtual_stages = chunks;
        EXPECT_EQ(check_order(pipeline_order(plan), plan), std::nullopt)
            << stages << "x" << chunks << ", " << microbatches;
      }
    }
  }
}

TEST(CheckOrder, FindsWhatIsWrong) {
  const PlanSpec plan = schedule_plan(kOneForwardOneBackward, 2, 4);
  const Orders right = pipeline_order(plan);
  Orders missing = right;
  missing[1].pop_back();
  EXPECT_THAT(check_order(missing, plan).value(),
              HasSubstr("never runs: backward of micro-batch 3, chunk 0 on stage 1"));
  Orders twice = right;
  twice[0].back() = twice[0].front();
  EXPECT_THAT(check_order(twice, plan).value(), HasSubstr("runs twice: forward of micro-batch 0"));
  Orders unknown = right;
  unknown[0][0].microbatch = 4;
  EXPECT_THAT(check_order(unknown, plan).value(), HasSubstr("unknown pass"));
  Orders acausal = right;
  std::swap(acausal[1][0], acausal[1][1]);  // backward of 0 before its forward
  EXPECT_THAT(check_order(acausal, plan).value(), HasSubstr("never starts"));
  EXPECT_THAT(check_order({right[0]}, plan).value(), HasSubstr("one order per stage"));
}

TEST(CheckOrder, KnowsTheHalvesOfABackwardPass) {
  const PlanSpec plan = schedule_plan(kZeroBubbleH1, 1, 2);
  const Slot f0{PassKind::kForward, 0}, f1{PassKind::kForward, 1}, i0{PassKind::kBackwardInput, 0},
      i1{PassKind::kBackwardInput, 1}, w0{PassKind::kBackwardWeight, 0}, w1{PassKind::kBackwardWeight, 1},
      b0{PassKind::kBackward, 0};
  EXPECT_EQ(check_order({{f0, f1, i0, i1, w0, w1}}, plan), std::nullopt);
  EXPECT_EQ(check_order({{f0, f1, b0, i1, w1}}, plan), std::nullopt);  // whole and halved side by side
  EXPECT_THAT(check_order({{f0, f1, i0, i1, w0}}, plan).value(),
              HasSubstr("never runs: backward weight of micro-batch 1"));
  EXPECT_THAT(check_order({{f0, f1, i0, w0, b0, i1, w1}}, plan).value(), HasSubstr("runs twice: backward of"));
  EXPECT_THAT(check_order({{f0, f1, b0, w0, i1, w1}}, plan).value(), HasSubstr("runs twice: backward weight"));
  EXPECT_THAT(check_order({{f0, f1, w0, i0, i1, w1}}, plan).value(),
              HasSubstr("never starts: backward weight of micro-batch 0"));
}

// Parameters are waited for by micro-batch 0 and reduced behind the last micro-batch.
TEST(CheckOrder, WantsTheFirstFirstAndTheLastLast) {
  const PlanSpec plan = schedule_plan(kZeroBubbleH1, 1, 2);
  const Slot f0{PassKind::kForward, 0}, f1{PassKind::kForward, 1}, i0{PassKind::kBackwardInput, 0},
      i1{PassKind::kBackwardInput, 1}, w0{PassKind::kBackwardWeight, 0}, w1{PassKind::kBackwardWeight, 1};
  EXPECT_THAT(check_order({{f1, f0, i0, i1, w0, w1}}, plan).value(),
              HasSubstr("runs before micro-batch 0: forward of micro-batch 1"));
  EXPECT_THAT(check_order({{f0, f1, i0, i1, w1, w0}}, plan).value(),
              HasSubstr("runs after the last micro-batch: backward weight of micro-batch 0"));
  EXPECT_EQ(check_order({{f0, f1, i1, i0, w0, w1}}, plan), std::nullopt);  // nobody relies on the input halves' order
}

TEST(CheckOrder, FindsDeadlock) {
  const PlanSpec plan = schedule_plan(kOneForwardOneBackward, 2, 2);
  Orders orders = pipeline_order(plan);  // stage 0: F0 F1 B0 B1, stage 1: F0 B0 F1 B1
  const Slot f0 = orders[0][0], f1 = orders[0][1], b0 = orders[0][2], b1 = orders[0][3];
  orders[0] = {f0, b0, f1, b1};
  orders[1] = {f0, f1, b0, b1};  // stage 1 waits for F1, stage 0 for B0
  EXPECT_THAT(check_order(orders, plan).value(), HasSubstr("never starts: backward of micro-batch 0"));
  // A pair that needs itself: the last stage may not pair a micro-batch with its own backward pass.
  const PlanSpec alone = schedule_plan(kOneForwardOneBackward, 1, 1);
  Orders paired = pipeline_order(alone);
  paired[0][0].with_next = true;
  EXPECT_THAT(check_order(paired, alone).value(), HasSubstr("never starts"));
}

// The chains of DualPipe do not feed each other: piece 1 ends one and piece 2 begins the other.
TEST(CheckOrder, KeepsTheChainsApart) {
  const PlanSpec plan = schedule_plan(kDualPipe, 2, 4);
  Orders orders = pipeline_order(plan);
  EXPECT_EQ(check_order(orders, plan), std::nullopt);
  PlanSpec as_one = plan;  // the same slots as a V of two stages: the second arm would wait for the first
  as_one.schedule = kZeroBubbleV;
  as_one.global_batch = 2;
  EXPECT_THAT(check_order(orders, as_one).value(), HasSubstr("never starts"));
}

}  // namespace
}  // namespace supernode
