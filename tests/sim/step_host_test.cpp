// The host that issues operations, and stragglers, against hand algebra on both engines.
#include <gtest/gtest.h>

#include "tests/sim/timed_step.hpp"

namespace supernode {
namespace {

using namespace literals;
using test::comm;
using test::compute;
using test::pipeline;
using test::single;

class StepHost : public testing::TestWithParam<StepEngine> {
 protected:
  static StepResult run(const TimedProgram& program, const StepOptions& options = {}) {
    StepResult result = run_step(program, options, GetParam());
    for (const StageTime& stage : result.stages)
      EXPECT_NEAR(test::parts(stage).value(), result.step_time.value(), 1e-9);
    return result;
  }
};

std::string engine_name(const testing::TestParamInfo<StepEngine>& info) {
  return info.param == StepEngine::kReplay ? "Replay" : "SimGrid";
}
INSTANTIATE_TEST_SUITE_P(Engines, StepHost, testing::Values(StepEngine::kReplay, StepEngine::kSimGrid), engine_name);

// Ten kernels of t = 1 ms, each issued in h = 3 ms: the last is issued at 10 h and ends at 10 h + t = 31 ms; the device
// waited for 31 - 10 = 21 ms.
TEST_P(StepHost, ASlowHostSetsThePace) {
  const StepResult r = run(single(TimedPass(10, compute(1_ms, 3_ms))));
  EXPECT_NEAR(r.step_time.value(), 31e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].host.value(), 21e-3, 1e-9);
}

// Ten kernels of 3 ms, each issued in 1 ms: only the first is waited for, 1 + 30 ms.
TEST_P(StepHost, AFastHostHidesBehindTheDevice) {
  const StepResult r = run(single(TimedPass(10, compute(3_ms, 1_ms))));
  EXPECT_NEAR(r.step_time.value(), 31e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].host.value(), 1e-3, 1e-9);
}

// While a kernel of 10 ms runs from 1 ms on the host issues five of 0.1 ms by 6 ms: 1 + 10 + 0.5 ms.
TEST_P(StepHost, RunsAhead) {
  TimedPass ops(6, compute(Seconds(1e-4), 1_ms));
  ops[0].time = 10_ms;
  EXPECT_NEAR(run(single(ops)).step_time.value(), 11.5e-3, 1e-9);
}

// Kernels of 5, 1 and 1 ms, issued at 1, 2 and 10 ms: 1 to 6, 6 to 7, and 10 to 11 ms.
TEST_P(StepHost, AGapWithinARunOfKernels) {
  const StepResult r = run(single({compute(5_ms, 1_ms), compute(1_ms, 1_ms), compute(1_ms, 8_ms)}));
  EXPECT_NEAR(r.step_time.value(), 11e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].host.value(), 4e-3, 1e-9);
}

// A kernel issued at 1 ms runs to 2, a collective of 10 ms is issued at 1 + 4 = 5 ms: exposed from 5 to 15 ms.
TEST_P(StepHost, ACollectiveWaitsToBeIssued) {
  TimedOp reduce = comm(Op::Kind::kComm, CommClass::kTensor, 0_s, 1_GB, 100_GBps);
  reduce.host = 4_ms;
  const StepResult r = run(single({compute(1_ms, 1_ms), reduce}));
  EXPECT_NEAR(r.step_time.value(), 15e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].host.value(), 4e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].exposed[static_cast<std::size_t>(CommClass::kTensor)].value(), 10e-3, 1e-9);
}

// Each of four micro-batches has two passes of one kernel of 1 ms; a pass costs the host 5 ms and its kernel 2: the
// last of eight is issued at 56 ms. 7 ms more at the end of the step.
TEST_P(StepHost, PassesAndTheStepCostTheHostToo) {
  TimedProgram program = pipeline(1, 4, 1, compute(1_ms, 2_ms), compute(1_ms, 2_ms));
  program.host_pass = 5_ms;
  program.host_step = 7_ms;
  const StepResult r = run(program);
  EXPECT_NEAR(r.step_time.value(), 64e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].host.value(), 56e-3, 1e-9);
}

// Two stages, passes of 10 ms, 3 ms of the host before each. Ahead of the device all but the first are issued in time:
// 3 + 4·10 ms. Waiting for each message, the second stage's forward and the first stage's backward pass start 3 ms
// late.
TEST_P(StepHost, ASynchronousPipelineIssuesBehindTheMessage) {
  TimedProgram program = pipeline(2, 1, 1, compute(10_ms, 1_ms), compute(10_ms, 1_ms));
  program.host_pass = 2_ms;
  EXPECT_NEAR(run(program).step_time.value(), 43e-3, 1e-9);
  program.synchronous_pipeline = true;
  EXPECT_NEAR(run(program).step_time.value(), 49e-3, 1e-9);
}

// Two passes together, a kernel of 1 ms each: issued at 4 and 8 ms by the one host. 9 ms, of which 7 of waiting.
TEST_P(StepHost, PassesTogetherShareTheHost) {
  TimedProgram program = single({compute(1_ms, 4_ms)});
  program.stages[0].chunks[0].edge(PassKind::kBackward) = {compute(1_ms, 4_ms)};
  program.stages[0].order[0].with_next = true;
  const StepResult r = run(program);
  EXPECT_NEAR(r.step_time.value(), 9e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].host.value(), 7e-3, 1e-9);
}

// A host that costs nothing changes nothing, whether it waits for messages or not.
TEST_P(StepHost, AFreeHostCostsNothing) {
  TimedProgram program = pipeline(4, 8, 2, compute(1_ms), compute(2_ms));
  for (TimedStage& stage : program.stages)
    stage.send_next = comm(Op::Kind::kComm, CommClass::kPipeline, 1_ms, 1_MB, 100_GBps);
  const Seconds ahead = run(program).step_time;
  program.synchronous_pipeline = true;
  const StepResult behind = run(program);
  EXPECT_EQ(behind.step_time, ahead);
  for (const StageTime& stage : behind.stages) EXPECT_EQ(stage.host, Seconds());
}

// Computation of 10 ms at 1.2 times its time and communication of 5: 17 ms, of which 2 by stragglers.
TEST_P(StepHost, StragglersStretchComputation) {
  StepOptions options;
  options.straggler_factor = 1.2;
  const TimedOp reduce = comm(Op::Kind::kComm, CommClass::kTensor, 5_ms, 0_B, 100_GBps);
  const StepResult r = run(single({compute(4_ms), reduce, compute(6_ms)}), options);
  EXPECT_NEAR(r.step_time.value(), 17e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].stragglers.value(), 2e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].slowdown.value(), 0, 1e-9);
}

// Stragglers first, then the overlap: 20 ms become 22, of which 10 are done in the 12.5 ms of a slowed transfer of 10.
TEST_P(StepHost, StragglersComeBeforeTheOverlap) {
  StepOptions options;
  options.straggler_factor = 1.1;
  options.overlap_slowdown = 1.25;
  const StepResult r = run(single({comm(Op::Kind::kCommAsync, CommClass::kData, 0_s, 1_GB, 100_GBps, 0), compute(20_ms),
                                   test::wait(CommClass::kData, 0)}),
                           options);
  EXPECT_NEAR(r.step_time.value(), 24.5e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].stragglers.value(), 2e-3, 1e-9);
  EXPECT_NEAR(r.stages[0].slowdown.value(), 2.5e-3, 1e-9);
}

}  // namespace
}  // namespace supernode
