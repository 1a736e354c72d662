#pragma once
// Timed step programs written by hand, for tests of the engines.

#include "sim/step_engine.hpp"
#include "workloads/pipeline_order.hpp"

namespace supernode::test {

inline TimedOp compute(Seconds time, Seconds host = {}) {
  TimedOp op;
  op.time = time;
  op.host = host;
  return op;
}

// A collective that alone takes latency + bytes / rate on a port of `rate`.
inline TimedOp comm(Op::Kind kind, CommClass c, Seconds latency, Bytes bytes, BytesPerSecond rate, int event = -1) {
  TimedOp op;
  op.kind = kind;
  op.comm_class = c;
  op.latency = latency;
  op.port_bytes = bytes;
  op.time = latency + bytes / rate;
  op.event = event;
  return op;
}

inline TimedOp wait(CommClass c, int event) {
  TimedOp op;
  op.kind = Op::Kind::kWait;
  op.comm_class = c;
  op.event = event;
  return op;
}

// Ports of 100 and 10 GB/s.
inline TimedStage stage_of(TimedPass forward, TimedPass backward, std::int64_t chunks = 1) {
  TimedStage stage;
  PassSet<TimedPass> passes;
  passes.inner(PassKind::kForward) = passes.edge(PassKind::kForward) = std::move(forward);
  passes.inner(PassKind::kBackward) = passes.edge(PassKind::kBackward) = std::move(backward);
  stage.chunks.assign(static_cast<std::size_t>(chunks), passes);
  stage.scale_up_port = BytesPerSecond(100e9);
  stage.scale_out_port = BytesPerSecond(10e9);
  return stage;
}

// p stages of v chunks and m micro-batches under 1F1B, interleaved where v > 1; each chunk's passes are one kernel.
inline TimedProgram pipeline(std::int64_t p, std::int64_t m, std::int64_t v, const TimedOp& forward,
                             const TimedOp& backward) {
  PlanSpec plan;
  plan.pipeline_parallel = p;
  plan.virtual_stages = v;
  plan.schedule = v > 1 ? PipelineSchedule::kInterleaved : PipelineSchedule::kOneForwardOneBackward;
  plan.data_parallel = 1;
  plan.global_batch = m;
  TimedProgram program;
  program.names = {"op"};
  program.microbatches = m;
  program.chunks = v;
  program.chain_length = p * v;
  for (const auto& order : pipeline_order(plan)) {
    const auto stage = static_cast<std::int64_t>(program.stages.size());
    program.stages.push_back(stage_of({forward}, {backward}, v));
    program.stages.back().order = order;
    for (std::int64_t chunk = 0; chunk < v; ++chunk)
      program.stages.back().pieces.push_back(piece_of(plan, stage, chunk));
  }
  return program;
}

// One stage, one micro-batch: forward `ops`, backward of nothing.
inline TimedProgram single(TimedPass ops) {
  TimedProgram program;
  program.names = {"op"};
  program.microbatches = 1;
  program.stages.push_back(stage_of(std::move(ops), {}));
  program.stages[0].order = {{PassKind::kForward, 0, 0, false}, {PassKind::kBackward, 0, 0, false}};
  program.stages[0].pieces = {0};
  return program;
}

// The parts of a stage's time, which add up to the step.
inline Seconds parts(const StageTime& t) {
  Seconds sum = t.slowdown + t.stragglers + t.host + t.bubble + t.idle_end;
  for (const Seconds s : t.compute) sum += s;
  for (const Seconds s : t.exposed) sum += s;
  return sum;
}

}  // namespace supernode::test
