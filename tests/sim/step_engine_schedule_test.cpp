// The step engine runs every schedule as its paper says: bubbles by formula, and as the timeline without an engine.
#include <gtest/gtest.h>

#include "sim/step_engine.hpp"
#include "tests/workloads/schedule_fixture.hpp"
#include "workloads/schedule_timeline.hpp"

namespace supernode {
namespace {

using namespace literals;
using enum PipelineSchedule;

TimedOp compute(Seconds time) {
  TimedOp op;
  op.time = time;
  return op;
}

// Every pass is one computation of its kind's time in milliseconds; messages take no time.
TimedProgram program_of(const PlanSpec& plan, const PassTimes& times) {
  TimedProgram program;
  program.names = {"op"};
  program.microbatches = chain_microbatches(plan);
  program.chunks = plan.virtual_stages;
  program.chain_length = chain_length(plan);
  PassSet<TimedPass> passes;
  for (const PassKind kind : kAllPassKinds) {
    passes.inner(kind) = passes.edge(kind) = {compute(times.of(kind) * 1_ms)};
  }
  const auto orders = pipeline_order(plan);
  for (std::int64_t s = 0; s < plan.pipeline_parallel; ++s) {
    TimedStage& stage = program.stages.emplace_back();
    stage.chunks.assign(static_cast<std::size_t>(plan.virtual_stages), passes);
    stage.order = orders[static_cast<std::size_t>(s)];
    for (std::int64_t chunk = 0; chunk < plan.virtual_stages; ++chunk) stage.pieces.push_back(piece_of(plan, s, chunk));
    stage.scale_up_port = stage.scale_out_port = 100_GBps;
  }
  return program;
}

// Time in which a stage does nothing, in milliseconds.
double bubble_ms(const StepResult& result, std::int64_t stage) {
  const StageTime& time = result.stages[static_cast<std::size_t>(stage)];
  return (time.bubble + time.idle_end) / 1_ms;
}

// Engine and timeline agree on the step and on each stage's bubble, for passes of unlike times.
class EverySchedule : public testing::TestWithParam<PipelineSchedule> {};

TEST_P(EverySchedule, RunsAsItsTimeline) {
  const PassTimes times{.forward = 3, .backward_input = 4, .backward_weight = 2};
  for (std::int64_t p : {2, 4}) {
    const PlanSpec plan = schedule_plan(GetParam(), p, 4 * p);
    const ScheduleTimeline expected = run_schedule(pipeline_order(plan), plan, times);
    const StepResult result = run_step(program_of(plan, times), {});
    EXPECT_NEAR(result.step_time / 1_ms, expected.length, 1e-6);
    for (std::int64_t s = 0; s < p; ++s) EXPECT_NEAR(bubble_ms(result, s), expected.bubble(s), 1e-6) << "stage " << s;
  }
}

INSTANTIATE_TEST_SUITE_P(Schedules, EverySchedule, testing::ValuesIn(kAllSchedules), [](const auto& info) {
  std::string name;
  for (const char c : to_string(info.param)) {
    if (c != '-') name += c;
  }
  return name;
});

void expect_bubbles(const PlanSpec& plan, const PassTimes& times, double bubble) {
  const StepResult result = run_step(program_of(plan, times), {});
  for (std::int64_t s = 0; s < plan.pipeline_parallel; ++s) {
    EXPECT_NEAR(bubble_ms(result, s), bubble, 1e-6) << to_string(plan.schedule) << " stage " << s;
  }
}

// p = 4, m = 16, F = B_input = 3, W = 2 (B = 5), by the papers' formulas (docs/models/schedules.md):
// GPipe, 1F1B (p - 1)(F + B) = 24; interleaved with 2 chunks of these times the same; ZB-H1 (p - 1)(F + B - 2W) = 12;
// DualPipe (p/2 - 1)(F&B + B - 3W), F&B = 8: 7; DualPipeV with 2p pieces 3·7 = 21.
TEST(ScheduleBubbles, EqualTheirFormulas) {
  const PassTimes times{.forward = 3, .backward_input = 3, .backward_weight = 2};
  expect_bubbles(schedule_plan(kGPipe, 4, 16), times, 24);
  expect_bubbles(schedule_plan(kOneForwardOneBackward, 4, 16), times, 24);
  expect_bubbles(schedule_plan(kInterleaved, 4, 16), times, 24);
  expect_bubbles(schedule_plan(kZeroBubbleH1, 4, 16), times, 12);
}

// A forward pass is 3 ms of computation and then 2 of exchange, a whole backward pass 2 ms of exchange and then 6 of
// computation: F = 5 and B = 8 alone, F&B = 3 + 6 = 9 together. One stage, three micro-batches: F0, F1+B0, F2+B1, B2.
TEST(ScheduleBubbles, APairHidesTheExchange) {
  TimedProgram program = program_of(schedule_plan(kOneForwardOneBackward, 1, 3, true), {});
  TimedOp exchange = compute(2_ms);
  exchange.kind = Op::Kind::kComm;
  exchange.comm_class = CommClass::kExpert;
  exchange.latency = exchange.time;
  auto& passes = program.stages[0].chunks[0];
  passes.inner(PassKind::kForward) = passes.edge(PassKind::kForward) = {compute(3_ms), exchange};
  passes.inner(PassKind::kBackward) = passes.edge(PassKind::kBackward) = {exchange, compute(6_ms)};
  EXPECT_NEAR(run_step(program, {}).step_time / 1_ms, 5 + 9 + 9 + 8, 1e-6);
}

// F = B_input = W = 1, p = 4, m = 16: no stage waits between its first and its last pass, stage s starts s ms late and
// ends p - 1 - s ms before the last one.
TEST(ScheduleBubbles, ZeroBubbleVWaitsOnlyForItsStart) {
  const StepResult result = run_step(program_of(schedule_plan(kZeroBubbleV, 4, 16), {}), {});
  EXPECT_NEAR(result.step_time / 1_ms, 16 * 6 + 3, 1e-6);
  for (std::size_t s = 0; s < 4; ++s) {
    EXPECT_NEAR(result.stages[s].bubble / 1_ms, static_cast<double>(s), 1e-6);
    EXPECT_NEAR(result.stages[s].idle_end / 1_ms, 3.0 - static_cast<double>(s), 1e-6);
  }
}

// The chains go 0 → 1 and 1 → 0 over the same boundary, 1 MB at 100 GB/s = 10 us a message, and meet the same cost.
TEST(ScheduleBubbles, ChainsOfDualPipeCrossTheSameBoundaryBothWays) {
  const PlanSpec plan = schedule_plan(kDualPipe, 2, 4);
  TimedProgram program = program_of(plan, {.forward = 1, .backward_input = 1, .backward_weight = 1});
  for (TimedStage& stage : program.stages) {
    TimedOp& send = stage.send_next;
    send.kind = Op::Kind::kComm;
    send.comm_class = CommClass::kPipeline;
    send.port_bytes = 1_MB;
    send.time = 1_MB / 100_GBps;
  }
  const StepResult free = run_step(program_of(plan, {}), {});
  const StepResult result = run_step(program, {});
  EXPECT_GT(result.step_time, free.step_time);
  for (std::size_t c = 0; c < kCommClasses; ++c) {  // the stages are mirror images, in what they wait for too
    EXPECT_NEAR(result.stages[0].exposed[c].value(), result.stages[1].exposed[c].value(), 1e-9);
  }
}

}  // namespace
}  // namespace supernode
