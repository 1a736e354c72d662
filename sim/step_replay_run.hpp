#pragma once
// The event loop of a replay. Per stage two threads of passes are state machines over compiled passes; the compute
// stream, six communication streams and the threads' waits for the host have one timer each. The earliest timer is
// handled, and whoever it wakes runs on until it waits again. What each thing means is that of the SimGrid engine,
// operation by operation (sim/step_engine_simgrid.cpp); docs/models/step.md says it in words.

#include <cstdint>
#include <vector>

#include "sim/step_engine.hpp"
#include "sim/step_replay_stage.hpp"
#include "sim/step_replay_timers.hpp"
#include "sim/step_routes.hpp"
#include "sim/step_trace.hpp"

namespace supernode {

// Timers of a stage: its communication streams, then compute stream and threads.
inline constexpr std::uint32_t kComputeTimer = kCommClasses, kThreadTimer = kComputeTimer + 1, kStageTimers = 16;
static_assert(kThreadTimer + StageClock::kThreads <= kStageTimers);

// An activation or gradient on its way from one stage to another.
struct ReplayMessage {
  bool posted = false;  // the sending pass has ended
  bool arrived = false;
  std::int8_t receiver = -1;  // thread that waits for it, of `receiving_stage`
  std::int8_t sender = -1;    // thread that waits for it, of the sender's stage
  std::int32_t receiving_stage = 0;
};

class Replay {
 public:
  Replay(const TimedProgram& program, const StepOptions& options)
      : program_(program),
        options_(options),
        routes_(program),
        trace_(program, options),
        stages_(make_replay_stages(program, options)),
        messages_(routes_.messages()),
        timers_(stages_.size() * kStageTimers) {}
  StepResult run();

 private:
  struct Ready {
    std::int32_t stage;
    int thread;
  };

  // Threads (sim/step_replay.cpp).
  void advance(std::int32_t s, int t);
  bool receive(std::int32_t s, int t);
  void begin(std::int32_t s, int t);
  bool run_steps(std::int32_t s, int t);
  bool issue(std::int32_t s, int t);
  bool start_step(std::int32_t s, int t);
  bool end_pass(std::int32_t s, int t);
  bool send(std::int32_t s, int t);
  bool next_slot(std::int32_t s);
  void take_slot(std::int32_t s, int t, std::size_t position);

  bool wait_for_host(std::int32_t s, int t, double until);
  void fire(std::uint32_t due);
  void run_ready();
  StepResult collect();

  // Streams (sim/step_replay_streams.cpp).
  void start_compute(std::int32_t s, int t);
  void end_compute(std::int32_t s);
  void set_communicating(std::int32_t s, int change);

  bool communicate(std::int32_t s, int t, const TimedOp& op);
  void launch(std::int32_t s, const ReplayTransfer& transfer);
  void begin_transfer(std::int32_t s, int c, const ReplayTransfer& transfer);
  void begin_flow(std::int32_t s, int c);
  void share(std::int32_t s, ReplayPort& port);
  void end_transfer(std::int32_t s, int c);
  void tell(std::int32_t s, const ReplayListener& listener);

  void wake(std::int32_t s, int t) { ready_.push_back({s, t}); }
  void wait(std::int32_t s, int t, StageClock::Doing doing, CommClass c = CommClass::kPipeline) {
    stage(s).clock.set(t, doing, now(), c);
  }
  ReplayStage& stage(std::int32_t s) { return stages_[static_cast<std::size_t>(s)]; }
  PassThread& thread(std::int32_t s, int t) { return stage(s).threads[static_cast<std::size_t>(t)]; }
  Seconds now() const { return Seconds(now_); }
  static std::uint32_t timer(std::int32_t s, std::uint32_t which) {
    return static_cast<std::uint32_t>(s) * kStageTimers + which;
  }

  const TimedProgram& program_;
  const StepOptions& options_;
  const StepRoutes routes_;
  StepTrace trace_;
  std::vector<ReplayStage> stages_;
  std::vector<ReplayMessage> messages_;
  ReplayTimers timers_;
  std::vector<Ready> ready_;  // threads to run on now, in order
  double now_ = 0;
  std::int64_t activities_ = 0;
};

}  // namespace supernode
