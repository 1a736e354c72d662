// What must hold of any step: no physical bound is beaten, the parts sum up, more of a resource does not hurt.
// A fixed seed makes the runs repeatable; RC_PARAMS="seed=… max_success=…" in the environment tries others.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "base/numeric.hpp"
#include "sim/step_result_io.hpp"
#include "sim/step_timing.hpp"
#include "tests/sim/random_step.hpp"
#include "topology/fabric.hpp"

namespace supernode {
namespace {

using test::random_step;

class FixedSeed : public ::testing::Environment {
 public:
  void SetUp() override { setenv("RC_PARAMS", "seed=20240611 max_success=12", 0); }
};
const auto* const kFixedSeed = ::testing::AddGlobalTestEnvironment(new FixedSeed);

constexpr double kRounding = 1e-9;  // relative; sums of thousands of terms

// Calls f(operation, times a step runs it) for all operations of a stage, a StageProgram or a TimedStage.
template <class Stage, class F>
void for_each_op(const Stage& stage, std::int64_t microbatches, F f) {
  const auto visit = [&](const auto& pass, std::int64_t times) {
    if constexpr (requires { pass.ops; })
      for (const auto& op : pass.ops) f(op, real(times));
    else
      for (const auto& op : pass) f(op, real(times));
  };
  for (const Slot& slot : stage.order) {
    visit(stage.chunks[static_cast<std::size_t>(slot.chunk)].of(slot.kind, slot.microbatch, microbatches - 1), 1);
  }
  visit(stage.prologue, 1), visit(stage.epilogue, 1);
}

// Time of the busiest stage's memory traffic at the device's full bandwidth. Assumes that each kernel reads its
// operands from HBM and writes its results there once: caches serve repeated reads inside a kernel, not the next
// kernel, whose inputs (activations of a whole micro-batch, weights of a layer) are taken not to have stayed.
Seconds memory_bound(const SimulationInput& input) {
  const StepProgram program = build_step_program(input.model, input.plan);
  Bytes most{};
  for (const StageProgram& stage : program.stages) {
    Bytes bytes{};
    for_each_op(stage, program.microbatches, [&](const Op& op, double times) {
      if (op.kind == Op::Kind::kCompute) bytes += times * traffic(op.kernel);
    });
    most = max(most, bytes);
  }
  return most / input.chip.device_hbm_bandwidth();
}

TimedProgram timed_program(const SimulationInput& input) {
  const StepProgram program = build_step_program(input.model, input.plan);
  const Fabric fabric = build_fabric(input.system, input.chips);
  const auto kernels = make_kernel_cost_model(input.chip);
  CollectiveCostModel collectives(fabric, input.protocol);
  return time_step({program, input.plan, fabric, *kernels, collectives}).program;
}

// Longest time for which the collectives of one stage fill a rank's port into `plane`; sends between stages left out.
Seconds port_bound(const TimedProgram& program, Plane plane) {
  Seconds longest{};
  for (const TimedStage& stage : program.stages) {
    Bytes bytes{};
    for_each_op(stage, program.microbatches, [&](const TimedOp& op, double times) {
      if (op.plane == plane) bytes += times * op.port_bytes;
    });
    const BytesPerSecond port = plane == Plane::kScaleUp ? stage.scale_up_port : stage.scale_out_port;
    longest = max(longest, bytes / port);
  }
  return longest;
}

Seconds sum_of(const StageTime& t) {
  const Seconds compute = std::accumulate(t.compute.begin(), t.compute.end(), Seconds{});
  const Seconds exposed = std::accumulate(t.exposed.begin(), t.exposed.end(), Seconds{});
  return compute + t.slowdown + t.stragglers + t.host + exposed + t.bubble + t.idle_end;
}

RC_GTEST_PROP(StepProperty, NoBoundIsBeaten, ()) {
  const SimulationInput input = random_step();
  const SimulationResult result = simulate(input);
  const Seconds step = result.step.step_time * (1 + kRounding);
  RC_ASSERT(step >= result.compute_bound);
  RC_ASSERT(step >= memory_bound(input));
  const TimedProgram timed = timed_program(input);
  RC_ASSERT(step >= port_bound(timed, Plane::kScaleUp));
  RC_ASSERT(step >= port_bound(timed, Plane::kScaleOut));
  for (const CollectiveUse& use : result.collectives)
    RC_ASSERT(use.cost.time * (1 + kRounding) * use.cost.port_bandwidth >= use.cost.port_bytes);
}

RC_GTEST_PROP(StepProperty, PartsOfEachStageSumToTheStep, ()) {
  const StepResult step = simulate(random_step()).step;
  for (const StageTime& stage : step.stages) {
    RC_LOG() << fmt::format("parts {} s, step {} s\n", sum_of(stage).value(), step.step_time.value());
    RC_ASSERT(std::abs(sum_of(stage) / step.step_time - 1) < 1e-6);
  }
}

RC_GTEST_PROP(StepProperty, MoreBandwidthIsNotSlower, ()) {
  const SimulationInput input = random_step();
  SimulationInput faster = input;
  const std::int64_t planes = test::between(1, 4);  // one of them or both
  test::scale_bandwidth(faster.system, planes & 1 ? 2 : 1, planes & 2 ? 2 : 1);
  const Seconds before = simulate(input).step.step_time, after = simulate(faster).step.step_time;
  RC_LOG() << fmt::format("{} s, with twice the bandwidth {} s\n", before.value(), after.value());
  RC_ASSERT(after <= before * 1.001);
}

// The schedule fills better with more micro-batches, and what is done once a step is spread over more tokens.
RC_GTEST_PROP(StepProperty, MoreMicroBatchesTakeLongerAndWasteNoMore, ()) {
  const SimulationInput input = random_step();
  SimulationInput more = input;
  more.plan.global_batch *= 2;
  const SimulationResult few = simulate(input), many = simulate(more);
  const double ratio = many.step.step_time / few.step.step_time;
  RC_LOG() << fmt::format("twice the micro-batches take {} times as long\n", ratio);
  RC_ASSERT(ratio > 1);
  RC_ASSERT(many.tokens / few.tokens / ratio > 0.99);
}

bool same(const CollectiveUse& a, const CollectiveUse& b) {
  return a.name == b.name && a.calls == b.calls && a.call == b.call && a.cost.time == b.cost.time &&
         a.cost.latency == b.cost.latency && a.cost.port_bytes == b.cost.port_bytes &&
         a.cost.algorithm == b.cost.algorithm;
}

RC_GTEST_PROP(StepProperty, WorkersChangeNothing, ()) {
  const SimulationInput input = random_step();
  const SimulationResult alone = simulate(input, {.workers = 1}), together = simulate(input, {.workers = 2});
  RC_ASSERT(serialize(alone.step) == serialize(together.step));
  RC_ASSERT(std::ranges::equal(alone.collectives, together.collectives, same));
}

}  // namespace
}  // namespace supernode
