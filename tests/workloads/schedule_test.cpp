// The order of passes: complete, causal, free of deadlock, with the bubble that theory gives.

#include <gmock/gmock.h>

#include <algorithm>

#include "plan_fixture.hpp"
#include "workloads/pipeline_order.hpp"

namespace supernode {
namespace {

using Orders = std::vector<std::vector<Slot>>;

PlanSpec schedule(std::int64_t stages, std::int64_t chunks, std::int64_t microbatches, bool paired = false) {
  PlanSpec plan;
  plan.data_parallel = paired ? 2 : 1;
  plan.expert_parallel = paired ? 2 : 1;
  plan.overlap.expert = paired;
  plan.pipeline_parallel = stages;
  plan.virtual_stages = chunks;
  plan.global_batch = microbatches * plan.data_parallel;
  return plan;
}

// "F0 F1 B0 …" of a stage; with several chunks "F0.1" is micro-batch 0, chunk 1; "F1+" runs with the pass after it.
std::string text(const std::vector<Slot>& order, bool chunks = false) {
  std::string all;
  for (const Slot& slot : order) {
    all += (all.empty() ? "" : " ") + std::string(slot.kind == PassKind::kForward ? "F" : "B") +
           std::to_string(slot.microbatch) + (chunks ? "." + std::to_string(slot.chunk) : "") +
           (slot.with_next ? "+" : "");
  }
  return all;
}

// Time at which the last stage ends when a forward pass of a chunk takes `forward` and a backward pass `backward`, and
// sending takes none. Runs one pass at a time on a stage; pairs run one after the other.
double makespan(const Orders& orders, const PlanSpec& plan, double forward, double backward) {
  const auto stages = static_cast<std::size_t>(plan.pipeline_parallel);
  const auto pieces = stages * static_cast<std::size_t>(plan.virtual_stages);
  const auto microbatches = static_cast<std::size_t>(plan.microbatches());
  constexpr double kNever = -1;
  std::vector<double> done[2] = {std::vector<double>(pieces * microbatches, kNever),
                                 std::vector<double>(pieces * microbatches, kNever)};
  std::vector<double> free_at(stages, 0);
  std::vector<std::size_t> next(stages, 0);
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t s = 0; s < stages; ++s) {
      for (; next[s] < orders[s].size(); ++next[s], moved = true) {
        const Slot& slot = orders[s][next[s]];
        const bool back = slot.kind == PassKind::kBackward;
        const auto piece = static_cast<std::size_t>(piece_of(plan, static_cast<std::int64_t>(s), slot.chunk));
        const auto at = [&](std::size_t p) { return p * microbatches + static_cast<std::size_t>(slot.microbatch); };
        double start = free_at[s];
        const bool first = back ? piece + 1 == pieces : piece == 0;
        const double input = first ? 0 : done[back][at(back ? piece + 1 : piece - 1)];
        if (input == kNever) break;
        start = std::max(start, input);
        free_at[s] = done[back][at(piece)] = start + (back ? backward : forward);
      }
    }
  }
  return *std::max_element(free_at.begin(), free_at.end());
}

TEST(PipelineOrder, OneForwardOneBackwardByHand) {
  // arXiv 2104.04473, figure 4 top, with three stages and four micro-batches.
  const Orders orders = pipeline_order(schedule(3, 1, 4));
  EXPECT_EQ(text(orders[0]), "F0 F1 F2 B0 F3 B1 B2 B3");
  EXPECT_EQ(text(orders[1]), "F0 F1 B0 F2 B1 F3 B2 B3");
  EXPECT_EQ(text(orders[2]), "F0 B0 F1 B1 F2 B2 F3 B3");
}

TEST(PipelineOrder, InterleavedByHand) {
  const Orders orders = pipeline_order(schedule(2, 2, 4));
  // Stage 1: (2 - 1)·2 forward passes before the first 1F1B pair, stage 0 two more.
  EXPECT_EQ(text(orders[1], true), "F0.0 F1.0 F0.1 B0.1 F1.1 B1.1 F2.0 B0.0 F3.0 B1.0 F2.1 B2.1 F3.1 B3.1 B2.0 B3.0");
  EXPECT_EQ(text(orders[0], true), "F0.0 F1.0 F0.1 F1.1 F2.0 B0.1 F3.0 B1.1 F2.1 B0.0 F3.1 B1.0 B2.1 B3.1 B2.0 B3.0");
}

TEST(PipelineOrder, PairsAreOfDifferentMicrobatches) {
  const Orders orders = pipeline_order(schedule(2, 1, 4, true));
  EXPECT_EQ(text(orders[0]), "F0 F1 F2 F3+ B0 B1 B2 B3");
  EXPECT_EQ(text(orders[1]), "F0 F1+ B0 F2+ B1 F3+ B2 B3");
  EXPECT_EQ(text(pipeline_order(schedule(1, 1, 3, true))[0]), "F0 F1+ B0 F2+ B1 B2");
}

TEST(PipelineOrder, IsRightForManyShapes) {
  for (std::int64_t stages : {1, 2, 3, 4, 7, 8, 16}) {
    for (std::int64_t chunks : {1, 2, 3, 5}) {
      if (stages == 1 && chunks > 1) continue;
      for (std::int64_t rounds : {1, 2, 3, 8}) {
        for (bool paired : {false, true}) {
          const PlanSpec plan = schedule(stages, chunks, stages * rounds, paired);
          const auto problem = check_order(pipeline_order(plan), plan);
          EXPECT_FALSE(problem.has_value()) << *problem << " (" << stages << "x" << chunks << ", " << rounds << ")";
        }
      }
    }
  }
  for (std::int64_t microbatches : {1, 2, 5, 13}) {  // plain 1F1B takes any number
    const PlanSpec plan = schedule(8, 1, microbatches);
    EXPECT_EQ(check_order(pipeline_order(plan), plan), std::nullopt);
  }
}

TEST(PipelineOrder, BubbleIsThatOfTheory) {
  for (std::int64_t stages : {2, 4, 8}) {
    for (std::int64_t chunks : {1, 2, 4}) {
      for (std::int64_t rounds : {1, 2, 5}) {
        const std::int64_t m = stages * rounds;
        const PlanSpec plan = schedule(stages, chunks, m);
        const double work = 3.0 * static_cast<double>(m * chunks);  // forward 1, backward 2
        const double time = makespan(pipeline_order(plan), plan, 1, 2);
        // arXiv 2104.04473, section 2.2, as a share of the whole: (p - 1) / (v·m + p - 1).
        const double theory = static_cast<double>(stages - 1) / static_cast<double>(chunks * m + stages - 1);
        EXPECT_NEAR(1 - work / time, theory, 1e-12) << stages << "x" << chunks << ", m " << m;
      }
    }
  }
}

PlanSpec dual_pipe_v(std::int64_t stages, std::int64_t microbatches, bool paired) {
  PlanSpec plan = schedule(stages, 2, microbatches, paired);
  plan.schedule = PipelineSchedule::kDualPipeV;
  return plan;
}

TEST(DualPipeV, IsCompleteCausalAndFreeOfDeadlock) {
  for (const std::int64_t stages : {2, 3, 4, 8, 16}) {
    for (const std::int64_t extra : {0, 1, 2, 7, 40}) {
      for (const bool paired : {false, true}) {
        const PlanSpec plan = dual_pipe_v(stages, 2 * stages + extra, paired);
        EXPECT_EQ(check_order(pipeline_order(plan), plan), std::nullopt) << stages << " " << extra << " " << paired;
      }
    }
  }
}

// Each stage keeps at most 2·PP + 1 chunk passes, whatever its place (DeepSeek-V3, table 2: PP + 1 for PP pieces), where
// interleaved 1F1B with two chunks keeps up to 3·PP - 1 on stage 0.
TEST(DualPipeV, KeepsEqualActivationsOnAllStages) {
  for (const std::int64_t stages : {2, 4, 8}) {
    const PlanSpec plan = dual_pipe_v(stages, 6 * stages, true);
    for (const auto& order : pipeline_order(plan)) {
      std::int64_t kept = 0, peak = 0;
      for (const Slot& slot : order) {
        kept += slot.kind == PassKind::kForward ? 1 : -1;
        peak = std::max(peak, kept);
      }
      EXPECT_EQ(kept, 0);
      EXPECT_LE(peak, 2 * stages + 1);
      EXPECT_GE(peak, 2 * stages);
    }
  }
}

// Both ends of the model on stage 0, so stage s has pieces s and 2·PP - 1 - s.
TEST(DualPipeV, FoldsThePiecesIntoAV) {
  const PlanSpec plan = dual_pipe_v(4, 8, false);
  EXPECT_EQ(piece_of(plan, 0, 0), 0);
  EXPECT_EQ(piece_of(plan, 3, 0), 3);
  EXPECT_EQ(piece_of(plan, 3, 1), 4);
  EXPECT_EQ(piece_of(plan, 0, 1), 7);
  EXPECT_EQ(head_stage(plan), 0);
}

// With f and b of a whole stage (two chunks): less idle time than plain 1F1B's (p - 1)(f + b).
TEST(DualPipeV, HasLessBubbleThanPlain) {
  const PlanSpec plan = dual_pipe_v(4, 16, false);
  const double step = makespan(pipeline_order(plan), plan, 0.5, 1.0);
  EXPECT_GE(step, 16 * 3.0);
  EXPECT_LT(step, (16 + 4 - 1) * 3.0);
}

TEST(CheckOrder, FindsWhatIsWrong) {
  using ::testing::HasSubstr;
  const PlanSpec plan = schedule(2, 1, 4);
  const Orders right = pipeline_order(plan);
  Orders missing = right;
  missing[1].pop_back();
  EXPECT_THAT(check_order(missing, plan).value(), HasSubstr("stage 1 runs 7 passes, not 8"));
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

TEST(CheckOrder, FindsDeadlock) {
  using ::testing::HasSubstr;
  const PlanSpec plan = schedule(2, 1, 2);
  Orders orders = pipeline_order(plan);  // stage 0: F0 F1 B0 B1, stage 1: F0 B0 F1 B1
  const Slot f0 = orders[0][0], f1 = orders[0][1], b0 = orders[0][2], b1 = orders[0][3];
  orders[0] = {f0, b0, f1, b1};
  orders[1] = {f0, f1, b0, b1};  // stage 1 waits for F1, stage 0 for B0
  EXPECT_THAT(check_order(orders, plan).value(), HasSubstr("never starts: backward of micro-batch 0"));
  // A pair that needs itself: the last stage may not pair a micro-batch with its own backward pass.
  Orders paired = pipeline_order(schedule(1, 1, 1));
  paired[0][0].with_next = true;
  EXPECT_THAT(check_order(paired, schedule(1, 1, 1)).value(), HasSubstr("never starts"));
}

}  // namespace
}  // namespace supernode
