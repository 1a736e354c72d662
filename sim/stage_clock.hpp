#pragma once
// Books where a rank's time goes. A rank class has up to two threads of passes (expert overlap runs a forward and a
// backward pass together on one compute stream). At each instant the rank computes if any thread computes; else it
// waits for what its threads wait for, in equal parts.

#include <array>

#include "sim/step_compile.hpp"
#include "sim/step_engine.hpp"

namespace supernode {

class StageClock {
 public:
  static constexpr int kThreads = 2;
  enum class Doing : std::int8_t { kNothing, kComputing, kQueueing, kCommunication, kBubble, kHost };

  // Thread `thread` does `doing` from `now` on (`comm_class` says which communication it waits for).
  void set(int thread, Doing doing, Seconds now, CommClass comm_class = CommClass::kPipeline) {
    if (now > last_) account(now);
    threads_[static_cast<std::size_t>(thread)] = {doing, comm_class};
  }
  void add_pass(const CompiledPass& pass);  // its computation
  void add_communication(CommClass c, Seconds time) { communication_[static_cast<std::size_t>(c)] += time; }

  // The books closed: the stage ended its own work at `own_end`, the step ended at `step_end`, computation took
  // `straggler_factor` times its time.
  StageTime close(Seconds own_end, Seconds step_end, double straggler_factor) const;

 private:
  struct Thread {
    Doing doing = Doing::kNothing;
    CommClass comm_class = CommClass::kPipeline;

    bool waits() const { return doing >= Doing::kCommunication; }
  };
  void account(Seconds now);
  void book(const Thread& thread, Seconds time);

  std::array<Thread, kThreads> threads_;
  Seconds last_{};
  Seconds computing_{};  // wall time of the compute stream, slowdown included
  StageTime time_;
  std::array<Seconds, kCommClasses> communication_{};  // busy time of each communication stream
};

}  // namespace supernode
