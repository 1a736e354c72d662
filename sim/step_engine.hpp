#pragma once
// Runs a step program in time. Interface of the engines: our own event loop (sim/step_replay.cpp), and SimGrid as its
// reference (sim/step_engine_simgrid.cpp).

#include <array>
#include <string>
#include <vector>

#include "base/quantity.hpp"
#include "sim/collective_cost.hpp"
#include "sim/cost_family.hpp"
#include "workloads/step_program.hpp"

namespace supernode {

// Where one rank of a stage spent the step. compute + slowdown + host + stragglers + exposed + bubble + idle_end = the
// step time.
struct StageTime {
  std::array<Seconds, kComputeClasses> compute{};  // recomputation included in its class
  Seconds recompute{};                             // of which recomputation
  Seconds slowdown{};                              // computation made slower by communication at the same time
  Seconds host{};                                  // the device waited for the host to issue work
  Seconds stragglers{};                            // computation stretched by waiting for the slowest of like ranks
  std::array<Seconds, kCommClasses> exposed{};     // the compute stream waited for communication
  Seconds bubble{};                                // waited for another stage's pass
  Seconds idle_end{};                              // waited for the slowest stage at the end of the step
  std::array<Seconds, kCommClasses> hidden{};      // communication that ran under computation; not part of the sum
};

// Streams of a rank class in a trace: the passes (and the second of two passes that run together), then communication.
inline constexpr int kPassStream = 0, kSecondPassStream = 1, kFirstCommStream = 2;

struct TraceSlice {
  std::int32_t stage = 0;
  std::int32_t stream = 0;  // kPassStream, kSecondPassStream, or kFirstCommStream + CommClass
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
  std::int64_t trace_detail_microbatches = 4;  // single operations are traced for so many; passes and messages for all
  double overlap_slowdown = 1.0;               // of the chip
  double straggler_factor = 1.0;               // on computation (calibration/software_spec.hpp)
};

// A step program with a time on every operation.
struct TimedOp {
  Op::Kind kind = Op::Kind::kCompute;
  std::int32_t name = 0;  // index into TimedProgram::names
  ComputeClass compute_class = ComputeClass::kVector;
  CommClass comm_class = CommClass::kTensor;
  Seconds time{};                 // compute: duration; comm: alone on the fabric
  Seconds host{};                 // that the host takes to issue it
  Seconds latency{};              // comm: the part that uses no bandwidth
  Bytes port_bytes{};             // comm: over the rank's port
  Plane plane = Plane::kScaleUp;  // comm
  std::int32_t event = -1;
  bool recompute = false;
  bool backward = false;            // of a backward pass and not recomputed
  std::int32_t family = kNoFamily;  // of its cost; none for waits and host transfers
  std::int64_t launches = 1;        // that the host makes for it (workloads/step_program.hpp)
};

using TimedPass = std::vector<TimedOp>;

struct TimedStage {
  std::vector<PassSet<TimedPass>> chunks;
  TimedPass prologue, epilogue;
  std::vector<Slot> order;
  std::vector<std::int64_t> pieces;  // of the model, by chunk: a forward pass of piece i waits for that of piece i-1
  BytesPerSecond scale_up_port{}, scale_out_port{};  // of one rank, one direction
  TimedOp send_next;  // a boundary activation to the next stage, wrapping; the way back costs the same
};

struct TimedProgram {
  std::vector<std::string> names;
  std::vector<TimedStage> stages;
  std::int64_t microbatches = 0, chunks = 1;  // see StepProgram
  std::int64_t chain_length = 1;
  bool blocking_sends = false;
  bool one_graph = false;  // see StepProgram
  // The host issues operations in order, ahead of the device: none starts before it is issued.
  Seconds host_pass{};                // per pass besides its operations
  Seconds host_step{};                // the device waits so long once, at the end of the step
  bool synchronous_pipeline = false;  // the host waits for a message before it issues the pass behind it
};

enum class StepEngine { kReplay, kSimGrid };

// Throws std::runtime_error on a deadlocked program (names the stages that wait).
StepResult run_step(const TimedProgram& program, const StepOptions& options, StepEngine engine = StepEngine::kReplay);

// Our own event loop, in this process.
StepResult run_step_replay(const TimedProgram& program, const StepOptions& options);
// The reference. Runs in a child process.
StepResult run_step_simgrid(const TimedProgram& program, const StepOptions& options);

}  // namespace supernode
