#pragma once
// Runs a step program in time. Interface of the engines; `simgrid` is the reference (sim/flow_step_engine.cpp).

#include <array>
#include <string>
#include <vector>

#include "base/quantity.hpp"
#include "sim/collective_cost.hpp"
#include "workloads/step_program.hpp"

namespace supernode {

// Where one rank of a stage spent the step; the parts sum to the step time.
struct StageTime {
  std::array<Seconds, kComputeClasses> compute{};  // recomputation included in its class
  Seconds recompute{};                             // of which recomputation
  std::array<Seconds, kCommClasses> exposed{};     // the compute stream waited for communication
  std::array<Seconds, kCommClasses> hidden{};      // communication that ran under computation (not part of the sum)
  Seconds slowdown{};                              // computation made slower by communication at the same time
  Seconds bubble{};                                // waited for another stage's pass
  Seconds idle_end{};                              // waited for the slowest stage at the end of the step
};

struct TraceSlice {
  std::int32_t stage = 0;
  std::int32_t stream = 0;  // 0: passes and compute; 1 + CommClass: communication
  std::string name;
  Seconds start{}, end{};
};

struct StepResult {
  Seconds step_time{};
  std::vector<StageTime> stages;
  std::vector<TraceSlice> trace;  // empty unless asked for
  std::int64_t activities = 0;    // simulated
};

struct StepOptions {
  bool trace = false;
  double overlap_slowdown = 1.0;  // of the chip
};

// A step program with a time on every operation.
struct TimedOp {
  Op::Kind kind = Op::Kind::kCompute;
  std::int32_t name = 0;       // index into TimedProgram::names
  std::int32_t compute_class = 0, comm_class = 0;
  Seconds time{};              // compute: duration; comm: alone
  Seconds latency{};           // comm
  Bytes port_bytes{};          // comm
  std::int32_t plane = 0;      // comm: Plane
  std::int32_t event = -1;
  bool recompute = false;
};
struct TimedStage {
  std::vector<std::vector<TimedOp>> forward, forward_first, backward, backward_last;  // by chunk
  std::vector<TimedOp> prologue, epilogue;
  std::vector<Slot> order;
  BytesPerSecond scale_up_port{}, scale_out_port{};
  CollectiveCost send_next;  // activations to the next stage's rank (gradients come back at the same cost)
};
struct TimedProgram {
  std::vector<std::string> names;
  std::vector<TimedStage> stages;
  std::int64_t microbatches = 0, chunks = 1;
  bool blocking_sends = false;
};

// Runs in a child process. Throws std::runtime_error on a deadlocked program (names the stages and what they wait for).
StepResult run_step_simgrid(const TimedProgram& program, const StepOptions& options);

}  // namespace supernode
