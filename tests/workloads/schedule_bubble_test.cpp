// Bubbles and passes in flight, run in time without communication, equal the formulas of the papers. f, b, w: a forward
// pass of a chunk and the halves of its backward pass; m micro-batches, p stages, v chunks a stage.

#include <gtest/gtest.h>

#include <algorithm>

#include "schedule_fixture.hpp"
#include "workloads/schedule_timeline.hpp"

namespace supernode {
namespace {

using enum PipelineSchedule;

constexpr PassTimes kUnit{};
constexpr PassTimes kTimes[] = {kUnit,
                                {.forward = 2, .backward_input = 2, .backward_weight = 2},
                                {.forward = 3, .backward_input = 4, .backward_weight = 2},
                                {.forward = 1.5, .backward_input = 1.5, .backward_weight = 0.5}};

ScheduleTimeline timeline(const PlanSpec& plan, const PassTimes& times) {
  const auto orders = pipeline_order(plan);
  EXPECT_EQ(check_order(orders, plan), std::nullopt);
  return run_schedule(orders, plan, times);
}

void expect_bubbles(const ScheduleTimeline& timeline, double bubble) {
  for (std::int64_t stage = 0; stage < std::ssize(timeline.stages); ++stage) {
    EXPECT_NEAR(timeline.bubble(stage), bubble, 1e-9) << "stage " << stage;
  }
}

// Two stages, two micro-batches by hand: stage 0 runs F0 F1 until 2, waits for B0 until 1 + 1 + 2 = 4, ends B0 at 6;
// its B1 waits for stage 1's F1 (4 - 5) and B1 (5 - 7), and ends at 9. Stage 1 starts at 1.
TEST(ScheduleTimeline, ByHand) {
  const ScheduleTimeline t = timeline(schedule_plan(kOneForwardOneBackward, 2, 2), kUnit);
  const StageTimeline& first = t.stages[0];
  ASSERT_EQ(first.slots.size(), 4u);
  EXPECT_EQ(first.slots[1].end, 2);
  EXPECT_EQ(first.slots[2].start, 4);
  EXPECT_EQ(first.slots[3].start, 7);
  EXPECT_EQ(t.length, 9);
  EXPECT_EQ(first.busy, 6);
  EXPECT_EQ(first.waiting, 3);
  EXPECT_EQ(t.stages[1].slots[0].start, 1);
  EXPECT_EQ(t.stages[1].waiting, 0);
  EXPECT_NEAR(t.bubble_share(), 1.0 / 3.0, 1e-12);
}

// A pair takes one time for both of its passes, from when both can start.
TEST(ScheduleTimeline, PairsTakeTheirOwnTime) {
  PassTimes times;
  times.pair = 2.5;
  const ScheduleTimeline t = timeline(schedule_plan(kOneForwardOneBackward, 1, 3, true), times);  // F0 F1+B0 F2+B1 B2
  EXPECT_EQ(t.length, 1 + 2.5 + 2.5 + 2);
  EXPECT_EQ(t.stages[0].busy, t.length);
  EXPECT_EQ(t.stages[0].slots[1].start, t.stages[0].slots[2].start);
}

// GPipe (arXiv 1811.06965, section 2.3): a share (p - 1)/(m + p - 1); 1F1B the same (arXiv 2104.04473, section 2.2) and
// DualPipe's table: (p - 1)(F + B). GPipe holds m micro-batches, 1F1B p - s on stage s, at most p.
TEST(Bubbles, GPipeAndOneForwardOneBackward) {
  for (const PassTimes& times : kTimes) {
    for (std::int64_t p : {2, 3, 4, 8}) {
      for (std::int64_t m : {p, p + 1, 3 * p}) {
        const double bubble =
            static_cast<double>(p - 1) * (times.of(PassKind::kForward) + times.of(PassKind::kBackward));
        const ScheduleTimeline gpipe = timeline(schedule_plan(kGPipe, p, m), times);
        const ScheduleTimeline plain = timeline(schedule_plan(kOneForwardOneBackward, p, m), times);
        expect_bubbles(gpipe, bubble);
        expect_bubbles(plain, bubble);
        EXPECT_NEAR(plain.bubble_share(), static_cast<double>(p - 1) / static_cast<double>(m + p - 1), 1e-9);
        for (std::int64_t s = 0; s < p; ++s) {
          EXPECT_EQ(gpipe.stages[static_cast<std::size_t>(s)].peak_in_flight, m);
          EXPECT_EQ(plain.stages[static_cast<std::size_t>(s)].peak_in_flight, p - s);
        }
      }
    }
  }
}

// arXiv 2104.04473, section 2.2: (p - 1)(F + B)/v with F and B of a whole stage, so (p - 1)(f + b + w). In flight on
// the first stage: (v + 1)·p - 1 chunk passes (section 2.2: 1 + (p - 1)/(p·v) of 1F1B's).
TEST(Bubbles, Interleaved) {
  for (const PassTimes& times : kTimes) {
    for (std::int64_t p : {2, 4, 8}) {
      for (std::int64_t v : {2, 3, 4}) {
        for (std::int64_t rounds : {1, 2, 5}) {
          PlanSpec plan = schedule_plan(kInterleaved, p, p * rounds);
          plan.virtual_stages = v;
          const ScheduleTimeline t = timeline(plan, times);
          expect_bubbles(t,
                         static_cast<double>(p - 1) * (times.of(PassKind::kForward) + times.of(PassKind::kBackward)));
          const std::int64_t all = p * rounds * v;
          EXPECT_EQ(t.stages[0].peak_in_flight, std::min(all, (v + 1) * p - 1));
        }
      }
    }
  }
}

// Where p does not divide m the groups are larger, at no cost in time: (p - 1)(f + b + w) from m = p on.
TEST(Bubbles, InterleavedWithLargerGroups) {
  for (const PassTimes& times : kTimes) {
    for (std::int64_t p : {2, 4, 8}) {
      for (std::int64_t m = p + 1; m < 3 * p; ++m) {
        expect_bubbles(timeline(schedule_plan(kInterleaved, p, m), times),
                       static_cast<double>(p - 1) * (times.of(PassKind::kForward) + times.of(PassKind::kBackward)));
      }
    }
  }
}

// arXiv 2401.10241, table 2: ZB-H1's bubble is (p - 1)(F + B - W), B the input half; DualPipe's table has the same as
// (p - 1)(F + B - 2W), B whole. p micro-batches in flight, here on every stage.
TEST(Bubbles, ZeroBubbleH1) {
  for (const PassTimes& times : kTimes) {
    for (std::int64_t p : {2, 3, 4, 8}) {
      for (std::int64_t m : {p, 2 * p + 1, 4 * p}) {
        const ScheduleTimeline t = timeline(schedule_plan(kZeroBubbleH1, p, m), times);
        expect_bubbles(t, static_cast<double>(p - 1) * (times.forward + times.backward_input - times.backward_weight));
        for (const StageTimeline& stage : t.stages) EXPECT_EQ(stage.peak_in_flight, p);
      }
    }
  }
}

// arXiv 2401.10241, section 6: no bubble when F = B = W, with the p micro-batches in flight of 1F1B, which are 2p chunk
// passes. The stages run askew: stage s starts s forward passes of a chunk behind stage 0 and ends so much behind it.
TEST(Bubbles, ZeroBubbleV) {
  for (std::int64_t p : {2, 3, 4, 8, 16}) {
    for (std::int64_t m : {2 * p - 1, 2 * p, 5 * p}) {
      const ScheduleTimeline t = timeline(schedule_plan(kZeroBubbleV, p, m), kUnit);
      for (std::int64_t s = 0; s < p; ++s) {
        const StageTimeline& stage = t.stages[static_cast<std::size_t>(s)];
        EXPECT_EQ(stage.waiting, 0) << p << " stages, stage " << s;
        EXPECT_EQ(stage.slots.front().start, static_cast<double>(s));
        EXPECT_EQ(stage.end(), static_cast<double>(s + 6 * m));
        EXPECT_EQ(stage.peak_in_flight, 2 * p);
      }
    }
  }
}

// The table of DeepSeek-V3 (arXiv 2412.19437, table 2) and of deepseek-ai/DualPipe, with PP the pieces of the model and
// B whole: bubble (PP/2 - 1)(F&B + B - 3W), PP + 1 activations of a piece in flight. Exact when forward and input half
// take alike, on the stages where the streams meet; a stage nearer to the ends has one pair less for each stage
// between, and so is busier by F + B - F&B for each.
void expect_two_way(PipelineSchedule schedule, std::int64_t stages, std::int64_t pieces, PassTimes times) {
  const double whole = times.of(PassKind::kBackward), apart = times.forward + whole;
  for (double pair : {1.0, 0.9, 0.75}) {
    times.pair = pair * apart;
    for (std::int64_t extra : {std::int64_t{0}, std::int64_t{2}, 4 * stages}) {
      const ScheduleTimeline t = timeline(schedule_plan(schedule, stages, 2 * stages + extra, true), times);
      const double bubble = (static_cast<double>(pieces) / 2 - 1) * (times.pair + whole - 3 * times.backward_weight);
      double most = 0;
      for (std::int64_t s = 0; s < stages; ++s) {
        EXPECT_EQ(t.stages[static_cast<std::size_t>(s)].peak_in_flight, pieces + 1);
        most = std::max(most, t.bubble(s));
        if (pair == 1.0) {
          EXPECT_NEAR(t.bubble(s), bubble, 1e-9);
        }
      }
      EXPECT_NEAR(most, bubble, 1e-9) << stages << " stages, " << extra << " more, pair " << times.pair;
    }
  }
}

TEST(Bubbles, DualPipe) {
  for (std::int64_t p : {2, 4, 6, 8, 16}) {
    expect_two_way(kDualPipe, p, p, kUnit);
    expect_two_way(kDualPipe, p, p, {.forward = 4, .backward_input = 4, .backward_weight = 3});
  }
}

TEST(Bubbles, DualPipeV) {
  for (std::int64_t p : {2, 3, 4, 8}) {
    expect_two_way(kDualPipeV, p, 2 * p, kUnit);
    expect_two_way(kDualPipeV, p, 2 * p, {.forward = 4, .backward_input = 4, .backward_weight = 3});
  }
}

// With the same model on the same stages, F = B = W: each schedule no slower than the one before it in the papers.
TEST(Bubbles, ComeInTheOrderOfThePapers) {
  const std::int64_t p = 8, m = 32;
  const PassTimes half{.forward = 0.5, .backward_input = 0.5, .backward_weight = 0.5};  // two chunks a stage
  const double gpipe = timeline(schedule_plan(kGPipe, p, m), kUnit).length;
  const double plain = timeline(schedule_plan(kOneForwardOneBackward, p, m), kUnit).length;
  const double interleaved = timeline(schedule_plan(kInterleaved, p, m), half).length;
  const double h1 = timeline(schedule_plan(kZeroBubbleH1, p, m), kUnit).length;
  const double v = timeline(schedule_plan(kZeroBubbleV, p, m), half).length;
  EXPECT_EQ(gpipe, plain);
  EXPECT_LT(interleaved, plain);
  EXPECT_LT(h1, interleaved);
  EXPECT_LT(v, h1);
}

}  // namespace
}  // namespace supernode
