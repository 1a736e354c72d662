// The step engine against hand algebra; each test states it.
#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>

#include "tests/sim/timed_step.hpp"

namespace supernode {
namespace {

using namespace literals;

using test::comm;
using test::compute;
using test::parts;
using test::single;
using test::wait;

TimedProgram pipeline(std::int64_t p, std::int64_t m, std::int64_t v, Seconds forward, Seconds backward) {
  return test::pipeline(p, m, v, compute(forward), compute(backward));
}

constexpr StepEngine kEngines[] = {StepEngine::kReplay, StepEngine::kSimGrid};

// The same on both engines.
class StepEngines : public testing::TestWithParam<StepEngine> {
 protected:
  static StepResult run(const TimedProgram& program, const StepOptions& options = {}) {
    return run_step(program, options, GetParam());
  }
};

std::string engine_name(const testing::TestParamInfo<StepEngine>& info) {
  return info.param == StepEngine::kReplay ? "Replay" : "SimGrid";
}
INSTANTIATE_TEST_SUITE_P(Engines, StepEngines, testing::ValuesIn(kEngines), engine_name);

struct PipelineCase {
  std::int64_t p, m, v;
};
class PipelineBubble : public testing::TestWithParam<PipelineCase> {};

// Equal stages and free communication: the step is (m + (p-1)/v)(f + b) where f, b are a whole stage's passes, so the
// bubble is (p-1)/(v·m + p-1) of the step: (p-1)/(m+p-1) for 1F1B (arXiv 2104.04473, section 2.2).
TEST_P(PipelineBubble, EqualsItsFormula) {
  const auto [p, m, v] = GetParam();
  const Seconds f = 3_ms, b = 6_ms;
  const auto dm = static_cast<double>(m), dp = static_cast<double>(p), dv = static_cast<double>(v);
  for (const StepEngine engine : kEngines) {
    const StepResult result = run_step(pipeline(p, m, v, f / dv, b / dv), {}, engine);
    EXPECT_NEAR(result.step_time.value(), (dm + (dp - 1) / dv) * (f + b).value(), 1e-9);
    for (const StageTime& t : result.stages) {
      EXPECT_NEAR(((t.bubble + t.idle_end) / result.step_time), (dp - 1) / (dv * dm + dp - 1), 1e-7);
      EXPECT_NEAR(parts(t).value(), result.step_time.value(), 1e-9);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Schedules, PipelineBubble,
                         testing::Values(PipelineCase{1, 4, 1}, PipelineCase{2, 2, 1}, PipelineCase{4, 8, 1},
                                         PipelineCase{4, 4, 1}, PipelineCase{8, 32, 1}, PipelineCase{2, 4, 2},
                                         PipelineCase{4, 8, 2}, PipelineCase{4, 16, 4}));

// compute 2 ms, then a blocking 1 GB at 100 GB/s with 1 ms latency: 2 + 1 + 10 ms; all 11 exposed.
TEST_P(StepEngines, BlockingCommunicationIsExposed) {
  const auto r = run(single({compute(2_ms), comm(Op::Kind::kComm, CommClass::kTensor, 1_ms, 1_GB, 100_GBps)}), {});
  EXPECT_NEAR(r.step_time.value(), 13e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].exposed[static_cast<std::size_t>(CommClass::kTensor)].value(), 11e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].hidden[static_cast<std::size_t>(CommClass::kTensor)].value(), 0, 1e-9);
}

// Async 11 ms under 4 ms of computation: 4 hidden, 7 exposed, step 11 ms.
TEST_P(StepEngines, AsyncCommunicationHidesUnderCompute) {
  const auto r = run(single({comm(Op::Kind::kCommAsync, CommClass::kData, 1_ms, 1_GB, 100_GBps, 0), compute(4_ms),
                             wait(CommClass::kData, 0)}),
                     {});
  EXPECT_NEAR(r.step_time.value(), 11e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].exposed[static_cast<std::size_t>(CommClass::kData)].value(), 7e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].hidden[static_cast<std::size_t>(CommClass::kData)].value(), 4e-3, 1e-9);
}

// Two classes on one 100 GB/s port, 1 GB each, both able to use it all: max-min gives each 50 GB/s, both end at 20 ms.
TEST_P(StepEngines, ConcurrentCollectivesShareThePort) {
  const auto r = run(single({comm(Op::Kind::kCommAsync, CommClass::kData, 0_s, 1_GB, 100_GBps, 0),
                             comm(Op::Kind::kCommAsync, CommClass::kExpert, 0_s, 1_GB, 100_GBps, 1),
                             wait(CommClass::kData, 0), wait(CommClass::kExpert, 1)}),
                     {});
  EXPECT_NEAR(r.step_time.value(), 20e-3, 1e-9);
}

// One capped at 20 GB/s (its own protocol), the other at 100: the first keeps 20 for 50 ms, the second gets 80: 12.5
// ms.
TEST_P(StepEngines, ARateCapLeavesTheRestToOthers) {
  const auto r =
      run(single({comm(Op::Kind::kCommAsync, CommClass::kData, 0_s, 1_GB, 20_GBps, 0),
                  comm(Op::Kind::kComm, CommClass::kExpert, 0_s, 1_GB, 100_GBps), wait(CommClass::kData, 0)}),
          {});
  EXPECT_NEAR(r.stages[0].exposed[static_cast<std::size_t>(CommClass::kExpert)].value(), 12.5e-3, 1e-9);
  EXPECT_NEAR(r.step_time.value(), 50e-3, 1e-9);
}

// Slowdown 1.25: 10 ms of communication takes 12.5; computation of 20 ms runs at 0.8 for those 12.5 (10 ms of work
// done), then 10 more: 22.5 ms.
TEST_P(StepEngines, OverlapSlowsBothSides) {
  StepOptions options;
  options.overlap_slowdown = 1.25;
  const auto r = run(single({comm(Op::Kind::kCommAsync, CommClass::kData, 0_s, 1_GB, 100_GBps, 0), compute(20_ms),
                             wait(CommClass::kData, 0)}),
                     options);
  EXPECT_NEAR(r.step_time.value(), 22.5e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].slowdown.value(), 2.5e-3, 1e-9);
}

// A NIC is the bottleneck of its own transfer: 100 MB at 10 GB/s stays 10 ms, in which 8 ms of computing are done; 12
// more follow: 22 ms.
TEST_P(StepEngines, OverlapDoesNotSlowTheNic) {
  StepOptions options;
  options.overlap_slowdown = 1.25;
  TimedOp reduce = comm(Op::Kind::kCommAsync, CommClass::kData, 0_s, 100_MB, 10_GBps, 0);
  reduce.plane = Plane::kScaleOut;
  const auto r = run(single({reduce, compute(20_ms), wait(CommClass::kData, 0)}), options);
  EXPECT_NEAR(r.step_time.value(), 22e-3, 1e-9);
}

// Two passes together on one compute stream: forward = compute 3, comm 5; backward = comm 4, compute 6. The backward's
// communication (0-4) runs under the forward's compute (0-3); then 4-10 computes; forward's comm 3-8 is hidden but for
// the instant 3-4, where both wait. Step 10 = 3 + 1 exposed + 6.
TEST_P(StepEngines, PairedPassesHideEachOthersCommunication) {
  TimedProgram program = single({});
  program.stages[0].chunks[0].edge(PassKind::kForward) = {
      compute(3_ms), comm(Op::Kind::kComm, CommClass::kExpert, 5_ms, 0_B, 100_GBps)};
  program.stages[0].chunks[0].edge(PassKind::kBackward) = {
      comm(Op::Kind::kComm, CommClass::kTensor, 4_ms, 0_B, 100_GBps), compute(6_ms)};
  program.stages[0].order[0].with_next = true;
  const auto r = run(program, {});
  EXPECT_NEAR(r.step_time.value(), 10e-3, 1e-9);
  const auto& e = r.stages[0].exposed;
  EXPECT_NEAR(std::accumulate(e.begin(), e.end(), Seconds(0)).value(), 1e-3, 1e-9);
}

// Paired passes slow one another: forward = compute 20 ms, backward = an instant of computing, which comes first, then
// an exchange of 10 ms; slowdown 1.25. The exchange takes 12.5 ms, in which the forward pass does 10 ms of its work,
// then 10 ms more: 22.5 ms.
TEST_P(StepEngines, PairedPassesSlowEachOther) {
  TimedProgram program = single({compute(20_ms)});
  program.stages[0].chunks[0].edge(PassKind::kBackward) = {
      compute(Seconds(1e-9)), comm(Op::Kind::kComm, CommClass::kExpert, 0_s, 1_GB, 100_GBps)};
  program.stages[0].order[0].with_next = true;
  StepOptions options;
  options.overlap_slowdown = 1.25;
  EXPECT_NEAR(run(program, options).step_time.value(), 22.5e-3, 1e-8);
}

// Two stages, one micro-batch, 1 GB across the boundary at 100 GB/s = 10 ms each way: f + 10 + f + b + 10 + b.
TEST_P(StepEngines, BoundaryTransfersAreExposedWhenNothingElseRuns) {
  TimedProgram program = pipeline(2, 1, 1, 3_ms, 6_ms);
  for (TimedStage& stage : program.stages)
    stage.send_next = comm(Op::Kind::kComm, CommClass::kPipeline, 0_s, 1_GB, 100_GBps);
  const auto r = run(program, {});
  EXPECT_NEAR(r.step_time.value(), 38e-3, 1e-9);
  const auto pipeline_class = static_cast<std::size_t>(CommClass::kPipeline);
  EXPECT_NEAR(r.stages[0].exposed[pipeline_class].value(), 10e-3, 1e-9);  // the gradient's way back
  EXPECT_NEAR(r.stages[0].bubble.value(), 10e-3 + 9e-3, 1e-9);  // the activation's way out, then the other's passes
}

TEST_P(StepEngines, ADeadlockedOrderIsAnError) {
  TimedProgram program = pipeline(2, 2, 1, 1_ms, 1_ms);
  auto& order = program.stages[0].order;  // waits for a gradient before it has sent the activation
  std::swap(order.front(), order.back());
  EXPECT_THROW(run(program, {}), std::runtime_error);
}

TEST_P(StepEngines, TraceSlicesOfAStreamNestAndCoverTheStep) {
  StepOptions options;
  options.trace = true;
  const auto r = run(pipeline(2, 3, 1, 1_ms, 2_ms), options);
  ASSERT_FALSE(r.trace.empty());
  for (const TraceSlice& a : r.trace) {
    EXPECT_LE(a.start, a.end);
    EXPECT_LE(a.end, r.step_time);
    for (const TraceSlice& b : r.trace) {
      if (a.stage != b.stage || a.stream != b.stream) continue;
      const bool apart = a.end <= b.start + Seconds(1e-12) || b.end <= a.start + Seconds(1e-12);
      const bool a_in_b = a.start >= b.start && a.end <= b.end, b_in_a = b.start >= a.start && b.end <= a.end;
      EXPECT_TRUE(apart || a_in_b || b_in_a);
    }
  }
}

TEST_P(StepEngines, TracingChangesNoTime) {
  StepOptions options;
  options.trace = true;
  const TimedProgram program = pipeline(4, 8, 2, 1_ms, 2_ms);
  EXPECT_EQ(run(program, options).step_time, run(program, {}).step_time);
}

}  // namespace
}  // namespace supernode
