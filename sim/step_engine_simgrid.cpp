// The reference step engine: SimGrid actors. Per rank class (pipeline stage) one actor walks the stage's order of
// passes; one actor per kind of communication serves that kind's operations in order; a collective is a sleep (its
// latency) and then one flow of its bytes over the rank's port, capped at the rate the collective reaches alone, so
// that concurrent collectives share the port by max-min. (Comm::set_rate has no effect on Comm::sendto in 3.32, so the
// cap is a link of its own before the port, set to the operation's rate.)
#include <fmt/format.h>

#include <memory>
#include <simgrid/s4u.hpp>
#include <stdexcept>

#include "base/child_process.hpp"
#include "sim/simgrid_engine.hpp"
#include "sim/step_engine.hpp"
#include "sim/step_result_io.hpp"
#include "sim/step_routes.hpp"
#include "sim/step_stage_simgrid.hpp"
#include "sim/step_trace.hpp"

namespace supernode {
namespace {

namespace sg4 = simgrid::s4u;
using Doing = StageClock::Doing;

class StepRun {
 public:
  StepRun(const TimedProgram& program, const StepOptions& options)
      : program_(program), options_(options), routes_(program), trace_(program, options) {}
  StepResult run();

 private:
  void start_actors();

  void walk_stage(Stage& stage);
  void run_slot(Stage& stage, const Slot& slot, int thread);
  void run_pass(Stage& stage, const CompiledPass& pass, int thread, bool detail);
  void issue(Stage& stage, const PassStep& step, int thread);
  void wait_for_host(Stage& stage, Seconds until, int thread);
  void compute(Stage& stage, const CompiledPass& pass, const PassStep& step, int thread, bool detail);
  void communicate(Stage& stage, const TimedOp& op, int thread);
  void wait_for(Stage& stage, Signal& signal, CommClass comm_class, int thread);
  void launch(Stage& stage, const TimedOp& op, bool slowed, std::shared_ptr<Signal> done);
  void serve(CommStream& stream);
  void transfer(CommStream& stream, const TimedOp& op, bool slowed);
  void set_communicating(Stage& stage, int change);

  Message& message(std::int64_t index);
  void receive(Stage& stage, const Slot& slot, int thread);
  void send(Stage& stage, const Slot& slot, int thread);

  const CompiledPass& pass_of(const Stage& stage, const Slot& slot) const;
  StepResult collect();

  const TimedProgram& program_;
  const StepOptions& options_;
  const StepRoutes routes_;
  StepTrace trace_;
  std::vector<std::unique_ptr<Stage>> stages_;
  std::vector<std::unique_ptr<Message>> messages_;
  std::int64_t activities_ = 0;
  std::vector<std::int64_t> deadlocked_;
};

void StepRun::start_actors() {
  for (auto& owned : stages_) {
    Stage& stage = *owned;
    sg4::Actor::create(fmt::format("stage {}", stage.index), stage.host, [this, &stage] { walk_stage(stage); });
    for (CommStream& stream : stage.streams) {
      auto actor = sg4::Actor::create(fmt::format("stage {} {}", stage.index, to_string(stream.comm_class)), stage.host,
                                      [this, &stream] { serve(stream); });
      actor->daemonize();
    }
  }
}

// --- communication --------------------------------------------------------------------------------------------------

void StepRun::set_communicating(Stage& stage, int change) {
  const bool before = stage.communicating > 0;
  stage.communicating += change;
  const bool after = stage.communicating > 0;
  if (before != after && options_.overlap_slowdown > 1) stage.host->set_pstate(after ? 1 : 0);
}

void StepRun::transfer(CommStream& stream, const TimedOp& op, bool slowed) {
  Stage& stage = *stream.stage;
  const Seconds start = now();
  // Computation takes memory bandwidth and cores from a scale-up transfer; a NIC is too slow to miss them.
  const double factor = slowed && op.plane != Plane::kScaleOut ? options_.overlap_slowdown : 1.0;
  if (slowed) set_communicating(stage, +1);
  if (op.latency.value() > 0) sg4::this_actor::sleep_for(op.latency.value());
  const Seconds flow_time = (op.time - op.latency) * factor;
  if (op.port_bytes.value() >= 1 && flow_time.value() > 0) {
    stream.cap->set_bandwidth((op.port_bytes / flow_time).value());
    sg4::Comm::sendto(stage.host, stream.beyond(op.plane), static_cast<std::uint64_t>(op.port_bytes.value()));
  } else if (flow_time.value() > 0) {
    sg4::this_actor::sleep_for(flow_time.value());
  }
  ++activities_;
  if (slowed) set_communicating(stage, -1);
  stage.clock.add_communication(op.comm_class, now() - start);
}

void StepRun::serve(CommStream& stream) {
  while (true) {
    stream.pending->acquire();
    const Request request = std::move(stream.queue.front());
    stream.queue.pop_front();
    const Seconds start = now();
    transfer(stream, *request.op, request.slowed);
    trace_.communication(stream.stage->index, *request.op, start, now());
    request.done->set();
  }
}

void StepRun::launch(Stage& stage, const TimedOp& op, bool slowed, std::shared_ptr<Signal> done) {
  CommStream& stream = stage.streams[static_cast<std::size_t>(op.comm_class)];
  stream.queue.push_back({&op, slowed, std::move(done)});
  stream.pending->release();
}

void StepRun::wait_for(Stage& stage, Signal& signal, CommClass comm_class, int thread) {
  if (signal.done()) return;
  stage.clock.set(thread, Doing::kCommunication, now(), comm_class);
  signal.wait();
  stage.clock.set(thread, Doing::kNothing, now());
}

void StepRun::communicate(Stage& stage, const TimedOp& op, int thread) {
  if (op.kind == Op::Kind::kWait) {
    const auto found = stage.events.find(op.event);
    if (found == stage.events.end())
      throw std::logic_error(fmt::format("stage {} waits for event {} before it was launched", stage.index, op.event));
    wait_for(stage, *found->second, op.comm_class, thread);
    return;
  }
  const auto done = std::make_shared<Signal>();
  // A blocking operation too runs under computation when the other pass of a pair computes meanwhile.
  launch(stage, op, op.kind == Op::Kind::kCommAsync || stage.passes_running > 1, done);
  if (op.kind == Op::Kind::kCommAsync)
    stage.events[op.event] = done;
  else
    wait_for(stage, *done, op.comm_class, thread);
}

// --- pipeline messages ----------------------------------------------------------------------------------------------

Message& StepRun::message(std::int64_t index) {
  auto& owned = messages_[static_cast<std::size_t>(index)];
  if (!owned) owned = std::make_unique<Message>();
  return *owned;
}

void StepRun::receive(Stage& stage, const Slot& slot, int thread) {
  const StepRoutes::End from = routes_.received(stage.index, slot);
  if (!from.exists()) return;
  Message& m = message(from.message);
  if (!m.arrived->done()) {
    // Until the other stage's pass ends this is a bubble, from then on the transfer's time.
    stage.clock.set(thread, m.posted ? Doing::kCommunication : Doing::kBubble, now(), CommClass::kPipeline);
    m.waiter = &stage.clock;
    m.waiter_thread = thread;
    m.arrived->wait();
    stage.clock.set(thread, Doing::kNothing, now());
  }
  const bool host_waits = program_.synchronous_pipeline && from.stage != stage.index;
  if (host_waits) stage.host_clock = max(stage.host_clock, now());
}

void StepRun::send(Stage& stage, const Slot& slot, int thread) {
  const StepRoutes::End to = routes_.sent(stage.index, slot);
  if (!to.exists()) return;
  Message& m = message(to.message);
  m.posted = true;
  if (m.waiter != nullptr) m.waiter->set(m.waiter_thread, Doing::kCommunication, now(), CommClass::kPipeline);
  if (to.stage == stage.index) {  // the foot of a V
    m.arrived->set();
    return;
  }
  launch(stage, routes_.operation(stage.index, to.stage), !program_.blocking_sends, m.arrived);
  if (program_.blocking_sends) wait_for(stage, *m.arrived, CommClass::kPipeline, thread);
}

// --- passes ---------------------------------------------------------------------------------------------------------

void StepRun::wait_for_host(Stage& stage, Seconds until, int thread) {
  if (until <= now()) return;
  stage.clock.set(thread, Doing::kHost, now());
  sg4::this_actor::sleep_for((until - now()).value());
  stage.clock.set(thread, Doing::kNothing, now());
}

void StepRun::issue(Stage& stage, const PassStep& step, int thread) {
  const Seconds begun = stage.host_clock;
  stage.host_clock += step.host;
  if (step.lead.value() > 0) wait_for_host(stage, begun + step.lead, thread);
}

void StepRun::compute(Stage& stage, const CompiledPass& pass, const PassStep& step, int thread, bool detail) {
  stage.clock.set(thread, Doing::kQueueing, now());
  stage.compute_stream->lock();
  stage.clock.set(thread, Doing::kComputing, now());
  const Seconds start = now();
  sg4::this_actor::execute(step.time.value() * kHostSpeed);
  stage.clock.set(thread, Doing::kNothing, now());
  stage.compute_stream->unlock();
  ++activities_;
  if (detail) trace_.segment(stage.index, thread, pass, step, start, now());
}

void StepRun::run_pass(Stage& stage, const CompiledPass& pass, int thread, bool detail) {
  for (const PassStep& step : pass.steps) {
    issue(stage, step, thread);
    if (!step.is_compute)
      communicate(stage, pass.op(step), thread);
    else if (step.time.value() > 0)
      compute(stage, pass, step, thread, detail);
  }
  stage.clock.add_pass(pass);
}

const CompiledPass& StepRun::pass_of(const Stage& stage, const Slot& slot) const {
  return stage.chunks[static_cast<std::size_t>(slot.chunk)].of(slot.kind, slot.microbatch, program_.microbatches - 1);
}

void StepRun::run_slot(Stage& stage, const Slot& slot, int thread) {
  receive(stage, slot, thread);
  const Seconds start = now();
  stage.host_clock += program_.host_pass;
  ++stage.passes_running;
  run_pass(stage, pass_of(stage, slot), thread, trace_.detail(slot));
  --stage.passes_running;
  trace_.pass(stage.index, thread, slot, start, now());
  send(stage, slot, thread);
}

void StepRun::walk_stage(Stage& stage) {
  run_pass(stage, stage.prologue, kPassStream, trace_.on());
  const auto& order = stage.timed->order;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (!order[i].with_next) {
      run_slot(stage, order[i], kPassStream);
      continue;
    }
    auto second = sg4::Actor::create("second pass", stage.host,
                                     [this, &stage, &order, i] { run_slot(stage, order[i + 1], kSecondPassStream); });
    run_slot(stage, order[i], kPassStream);
    second->join();
    ++i;
  }
  const Seconds start = now();
  run_pass(stage, stage.epilogue, kPassStream, trace_.on());
  trace_.epilogue(stage.index, start, now());
  wait_for_host(stage, now() + program_.host_step, kPassStream);
  stage.own_end = now();
}

StepResult StepRun::collect() {
  StepResult out;
  for (const auto& stage : stages_) out.step_time = max(out.step_time, stage->own_end);
  for (const auto& stage : stages_)
    out.stages.push_back(stage->clock.close(stage->own_end, out.step_time, options_.straggler_factor));
  out.trace = trace_.take();
  out.activities = activities_;
  return out;
}

StepResult StepRun::run() {
  auto& engine = make_simgrid_engine();
  stages_ = make_stages(program_, options_);
  messages_.resize(routes_.messages());
  start_actors();
  sg4::Engine::on_deadlock_cb([this] {
    for (const auto& stage : stages_)
      if (stage->own_end.value() == 0) deadlocked_.push_back(stage->index);
  });
  engine.run();
  if (!deadlocked_.empty()) throw std::runtime_error(deadlock_text(deadlocked_));
  return collect();
}

}  // namespace

StepResult run_step_simgrid(const TimedProgram& program, const StepOptions& options) {
  return deserialize_step_result(run_in_child([&] { return serialize(StepRun(program, options).run()); }));
}

}  // namespace supernode
