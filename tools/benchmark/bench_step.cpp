// How fast the step engines run: 16 pipeline stages, 128 micro-batches, passes of 20 kernels and 20 collectives in
// turn; and what a step costs to replay whose kernels come in runs.

#include <chrono>

#include "base/quantity.hpp"
#include "sim/step_engine.hpp"
#include "tools/benchmark/bench_case.hpp"
#include "workloads/pipeline_order.hpp"

namespace supernode {
namespace {

using namespace literals;
using Clock = std::chrono::steady_clock;

TimedPass pass_of(int pairs) {
  TimedOp kernel, collective;
  kernel.time = 100_us;
  collective.kind = Op::Kind::kComm;
  collective.latency = 10_us;
  collective.port_bytes = 1_MB;
  collective.time = 20_us;
  TimedPass pass;
  for (int i = 0; i < pairs; ++i) {
    pass.push_back(kernel);
    pass.push_back(collective);
  }
  return pass;
}

TimedProgram program_of(std::int64_t stages, std::int64_t microbatches) {
  PlanSpec plan;
  plan.pipeline_parallel = stages;
  plan.data_parallel = 1;
  plan.global_batch = microbatches;
  TimedProgram program;
  program.names = {"op"};
  program.microbatches = microbatches;
  program.chain_length = stages;
  const auto orders = pipeline_order(plan);
  for (std::int64_t s = 0; s < stages; ++s) {
    TimedStage stage;
    stage.chunks.emplace_back();
    for (PassKind kind : {PassKind::kForward, PassKind::kBackward}) {
      stage.chunks[0].inner(kind) = stage.chunks[0].edge(kind) = pass_of(20);
    }
    stage.order = orders[static_cast<std::size_t>(s)];
    stage.pieces = {s};
    stage.scale_up_port = 200_GBps;
    stage.scale_out_port = 50_GBps;
    stage.send_next = pass_of(1).back();
    program.stages.push_back(stage);
  }
  return program;
}

BenchResult measured(const char* name, const TimedProgram& program, StepEngine engine) {
  const Clock::time_point start = Clock::now();
  const StepResult result = run_step(program, {}, engine);
  const double wall = std::chrono::duration<double>(Clock::now() - start).count();
  return {name, "activities", result.activities, 0, wall, result.step_time.value() * 1e6, ""};
}

}  // namespace

BenchResult bench_step_simgrid() {
  return measured("step 16 stages x 128, SimGrid", program_of(16, 128), StepEngine::kSimGrid);
}

BenchResult bench_step_replay() {
  return measured("step 16 stages x 128, replay", program_of(16, 128), StepEngine::kReplay);
}

// 200 micro-batches of one stage: 2 passes of 25 times 25 kernels and a collective, 250,000 kernels.
BenchResult bench_kernel_runs() {
  TimedProgram program = program_of(1, 200);
  const TimedPass pair = pass_of(1);
  TimedPass pass;
  for (int i = 0; i < 25; ++i) {
    pass.insert(pass.end(), 25, pair[0]);
    pass.push_back(pair[1]);
  }
  for (PassKind kind : {PassKind::kForward, PassKind::kBackward})
    program.stages[0].chunks[0].inner(kind) = program.stages[0].chunks[0].edge(kind) = pass;
  return measured("step of 250000 kernels, replay", program, StepEngine::kReplay);
}

}  // namespace supernode
