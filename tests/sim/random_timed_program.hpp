#pragma once
// Random timed step programs for tests of the engines: any schedule, operations of any kind and time.

#include <cstdint>

#include "base/random_draw.hpp"
#include "sim/step_engine.hpp"
#include "tests/workloads/schedule_fixture.hpp"

namespace supernode::test {

class RandomProgram {
 public:
  // Of operations of some 10 µs to 1 ms; `host` is the host's time for one at most.
  RandomProgram(std::uint64_t seed, Seconds host) : random_(seed), host_(host) {}

  TimedProgram make() {
    const std::int64_t stages = std::int64_t{1} << below(3);
    const PipelineSchedule schedule = stages == 1 ? PipelineSchedule::kOneForwardOneBackward : kAllSchedules[below(7)];
    const bool paired = stages > 1 && can_pair(schedule) && below(2) == 0;
    const PlanSpec plan = schedule_plan(schedule, stages, stages * (2 + below(4)), paired);
    TimedProgram program;
    program.names = {"op"};
    program.microbatches = chain_microbatches(plan);
    program.chunks = plan.virtual_stages;
    program.chain_length = chain_length(plan);
    program.blocking_sends = below(2) == 0;
    program.synchronous_pipeline = below(2) == 0;
    program.host_pass = below(2) * host_;
    program.host_step = 10 * below(2) * host_;
    const auto orders = pipeline_order(plan);
    for (std::int64_t s = 0; s < stages; ++s) {
      program.stages.push_back(stage(plan));
      program.stages.back().order = orders[static_cast<std::size_t>(s)];
      for (std::int64_t chunk = 0; chunk < plan.virtual_stages; ++chunk)
        program.stages.back().pieces.push_back(piece_of(plan, s, chunk));
    }
    return program;
  }

 private:
  int below(int bound) { return static_cast<int>(random_() % static_cast<std::uint64_t>(bound)); }
  // No two alike: engines may order what happens at the same time differently.
  Seconds time() { return Seconds(1e-5 + 1e-12 * below(1'000'000'000)); }

  TimedOp compute() {
    TimedOp op;
    op.compute_class = static_cast<ComputeClass>(below(kComputeClasses));
    op.time = time();
    op.host = host_ * (below(100) / 100.0);
    op.recompute = below(4) == 0;
    return op;
  }

  // Some are fast enough to fill their port, some only latency; of the port's 100 and 20 GB/s.
  TimedOp communication(Op::Kind kind, int event) {
    TimedOp op = compute();
    op.kind = kind;
    op.comm_class = static_cast<CommClass>(below(kCommClasses));
    op.plane = static_cast<Plane>(below(3));
    op.latency = below(3) == 0 ? Seconds() : 0.3 * op.time;
    const double port = op.plane == Plane::kScaleOut ? 20e9 : 100e9;
    op.port_bytes = Bytes((op.time - op.latency).value() * port * below(5) / 4.0);
    op.event = event;
    return op;
  }

  static TimedOp wait(const TimedOp& launched) {
    TimedOp op;
    op.kind = Op::Kind::kWait;
    op.comm_class = launched.comm_class;
    op.event = launched.event;
    return op;
  }

  // `events` are new to the stage from `first` on.
  TimedPass pass(int first) {
    TimedPass ops;
    std::vector<TimedOp> launched;
    const int length = 4 + below(12);
    for (int i = 0; i < length; ++i) {
      const int kind = below(6);
      if (kind < 3) ops.push_back(compute());
      if (kind == 3) ops.push_back(communication(Op::Kind::kComm, -1));
      if (kind == 4) {
        ops.push_back(communication(Op::Kind::kCommAsync, first + static_cast<int>(launched.size())));
        launched.push_back(ops.back());
      }
      if (kind == 5 && !launched.empty()) ops.push_back(wait(launched.front()));
    }
    for (const TimedOp& op : launched) ops.push_back(wait(op));
    return ops;
  }

  TimedStage stage(const PlanSpec& plan) {
    TimedStage out;
    int event = 0;
    for (std::int64_t chunk = 0; chunk < plan.virtual_stages; ++chunk) {
      PassSet<TimedPass>& passes = out.chunks.emplace_back();
      for (const PassKind kind : kAllPassKinds) {
        passes.inner(kind) = pass(event += 100);
        passes.edge(kind) = pass(event += 100);
      }
    }
    out.prologue = pass(event += 100);
    out.epilogue = pass(event += 100);
    // What the prologue launches, the first forward pass waits for; what that does, the epilogue.
    link(out.prologue, out.chunks[0].edge(PassKind::kForward), event += 100);
    link(out.chunks[0].edge(PassKind::kForward), out.epilogue, event += 100);
    out.scale_up_port = BytesPerSecond(100e9);
    out.scale_out_port = BytesPerSecond(20e9);
    out.send_next = communication(Op::Kind::kComm, -1);
    out.send_next.comm_class = CommClass::kPipeline;
    return out;
  }

  void link(TimedPass& launching, TimedPass& waiting, int event) {
    launching.push_back(communication(Op::Kind::kCommAsync, event));
    waiting.insert(waiting.begin() + static_cast<std::ptrdiff_t>(waiting.size() / 2), wait(launching.back()));
  }

  SplitMix64 random_;
  Seconds host_;
};

}  // namespace supernode::test
