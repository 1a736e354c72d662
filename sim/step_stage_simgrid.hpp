#pragma once
// The moving parts of the SimGrid step engine: rank classes with their streams, ports and passes, and the messages
// between them. Include only where SimGrid is (sim/*_simgrid.cpp).

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <simgrid/s4u.hpp>
#include <string>
#include <vector>

#include "sim/stage_clock.hpp"
#include "sim/step_compile.hpp"
#include "sim/step_engine.hpp"

namespace supernode {

namespace sg4 = simgrid::s4u;

// SimGrid takes an amount of work below its precision (1e-5) as done; a fast host keeps picoseconds above it.
inline constexpr double kHostSpeed = 1e12;

inline Seconds now() { return Seconds(sg4::Engine::get_clock()); }

// Something to wait for, once set, for good.
class Signal {
 public:
  bool done() const { return done_; }
  void wait() {
    if (done_) return;
    gate_->acquire();
    gate_->release();
  }
  void set() {
    done_ = true;
    gate_->release();
  }

 private:
  bool done_ = false;
  sg4::SemaphorePtr gate_ = sg4::Semaphore::create(0);
};

// An activation or gradient on its way from one stage to another.
struct Message {
  std::shared_ptr<Signal> arrived = std::make_shared<Signal>();
  bool posted = false;           // the sending pass has ended
  StageClock* waiter = nullptr;  // who waits for it, to book the wait as transfer from the posting on
  int waiter_thread = 0;
};

// One operation for a communication stream.
struct Request {
  const TimedOp* op = nullptr;
  bool slowed = false;  // runs under computation
  std::shared_ptr<Signal> done;
};

struct Stage;

// Serves one kind of communication of one stage, in order.
struct CommStream {
  Stage* stage = nullptr;
  CommClass comm_class = CommClass::kTensor;
  std::deque<Request> queue;
  sg4::SemaphorePtr pending = sg4::Semaphore::create(0);
  sg4::Link* cap = nullptr;    // the rate of the operation being served
  sg4::Host* local = nullptr;  // beyond the cap alone: a sibling die
  sg4::Host* up = nullptr;     // beyond the cap and the scale-up port
  sg4::Host* out = nullptr;    // beyond the cap and the scale-out port

  sg4::Host* beyond(Plane plane) const { return plane == Plane::kScaleOut ? out : plane == Plane::kLocal ? local : up; }
};

// A rank class: one rank that stands for all of its pipeline stage.
struct Stage {
  std::int32_t index = 0;
  const TimedStage* timed = nullptr;
  sg4::Host* host = nullptr;
  sg4::MutexPtr compute_stream = sg4::Mutex::create();
  int passes_running = 0;  // two while a pair runs together
  int communicating = 0;   // operations in flight under computation
  StageClock clock;
  Seconds host_clock{};  // when the host has issued all that it has come to
  Seconds own_end{};
  std::array<CommStream, kCommClasses> streams;
  std::map<int, std::shared_ptr<Signal>> events;
  std::vector<PassSet<CompiledPass>> chunks;
  CompiledPass prologue, epilogue;
};

// Builds the platform of the process's engine: a host per stage with two speeds (alone, and while communication runs at
// the same time, slower by the chip's factor), and its ports.
std::vector<std::unique_ptr<Stage>> make_stages(const TimedProgram& program, const StepOptions& options);

}  // namespace supernode
