#pragma once
// The state of one stage in a replay: its compute stream, communication streams, ports and threads of passes. Times are
// seconds of the step as plain doubles.

#include <array>
#include <cstdint>
#include <vector>

#include "sim/stage_clock.hpp"
#include "sim/step_compile.hpp"
#include "sim/step_engine.hpp"

namespace supernode {

// Where a thread is in what it does; each names what comes next.
enum class ThreadPhase : std::int8_t {
  kIdle,     // second thread: no pass
  kReceive,  // its slot's message
  kBegin,    // the message is there
  kSteps,    // of the pass
  kSent,     // the pass and its message are sent
  kJoin,     // first thread: the second one's pass ends
  kFinish,   // host's work at the end of the step
  kDone,
};

enum class StepPhase : std::int8_t {
  kFresh,
  kIssued,  // the host has issued it
  kDone,    // computed, or waited for
};

struct PassThread {
  ThreadPhase phase = ThreadPhase::kIdle;
  StepPhase step_phase = StepPhase::kFresh;
  bool detail = false;         // traced
  const Slot* slot = nullptr;  // none: prologue or epilogue
  const CompiledPass* pass = nullptr;
  std::size_t step = 0;
  double start = 0;  // of the pass

  const PassStep& current() const { return pass->steps[step]; }
};

// Who is told that an operation has ended.
struct ReplayListener {
  enum class Kind : std::int8_t { kThread, kEvent, kMessage };
  Kind kind = Kind::kThread;
  std::uint32_t launch = 0;  // kEvent: which launch of it
  std::int64_t index = 0;    // thread, event or message
};

struct ReplayTransfer {
  const TimedOp* op = nullptr;
  bool slowed = false;  // runs under computation
  ReplayListener listener;
};

// Serves one kind of communication, in order.
struct ReplayStream {
  enum class Doing : std::int8_t { kNothing, kLatency, kFlow, kFixed };
  std::vector<ReplayTransfer> queue;
  std::size_t head = 0;
  ReplayTransfer current;
  Doing doing = Doing::kNothing;
  double start = 0;
  double left = 0, cap = 0, rate = 0, since = 0;  // kFlow: bytes; bytes per second; when `left` was right
};

struct ReplayPort {
  double bandwidth = 0;
  std::array<std::uint8_t, kCommClasses> flows{};  // streams with a flow over it
  int count = 0;

  void add(int stream) { flows[static_cast<std::size_t>(count++)] = static_cast<std::uint8_t>(stream); }
  void remove(int stream);
};

// An asynchronous operation by its event.
struct ReplayEvent {
  std::uint32_t launches = 0;
  bool done = false;
  std::uint8_t waiting = 0;  // a bit a thread
};

struct ReplayStage {
  const TimedStage* timed = nullptr;
  std::vector<PassSet<CompiledPass>> chunks;
  CompiledPass prologue, epilogue;
  StageClock clock;
  std::array<PassThread, StageClock::kThreads> threads;
  std::size_t position = 0;  // in timed->order
  int passes_running = 0;    // two while a pair runs together
  double host_clock = 0;     // when the host has issued all that it has come to
  double own_end = 0;

  // The compute stream: who has it, who waits for it, and the work left at full speed.
  int computing = -1, queued = -1;
  double compute_start = 0, work = 0, work_since = 0, speed = 1;
  int communicating = 0;  // operations in flight under computation

  std::array<ReplayStream, kCommClasses> streams;
  ReplayPort up, out;
  std::vector<ReplayEvent> events;
};

// Compiled and at the start of the step.
std::vector<ReplayStage> make_replay_stages(const TimedProgram& program, const StepOptions& options);

// Max-min fair rates of the port's flows, each with its cap and equal weights.
void share_port(ReplayPort& port, std::array<ReplayStream, kCommClasses>& streams);

}  // namespace supernode
