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
#include "sim/step_stage_simgrid.hpp"

namespace supernode {
namespace {

namespace sg4 = simgrid::s4u;
using Doing = StageClock::Doing;

class StepRun {
 public:
  StepRun(const TimedProgram& program, const StepOptions& options) : program_(program), options_(options) {}
  StepResult run();

 private:
  void start_actors();

  void walk_stage(Stage& stage);
  void run_slot(Stage& stage, const Slot& slot, int thread);
  void run_pass(Stage& stage, const CompiledPass& pass, int thread, bool detail);
  void compute(Stage& stage, const CompiledPass& pass, const PassStep& step, int thread, bool detail);
  void communicate(Stage& stage, const TimedOp& op, int thread);
  void wait_for(Stage& stage, Signal& signal, CommClass comm_class, int thread);
  void launch(Stage& stage, const TimedOp& op, bool slowed, std::shared_ptr<Signal> done);
  void serve(CommStream& stream);
  void transfer(CommStream& stream, const TimedOp& op, bool slowed);
  void set_communicating(Stage& stage, int change);

  static std::int64_t piece(const Stage& stage, const Slot& slot) {
    return stage.timed->pieces[static_cast<std::size_t>(slot.chunk)];
  }
  std::int64_t stages() const { return static_cast<std::int64_t>(program_.stages.size()); }
  std::int64_t pieces() const { return stages() * program_.chunks; }
  // The piece before (-1) or behind (+1) in the same chain; -1 at its ends.
  std::int64_t next_piece(std::int64_t own, std::int64_t step) const {
    const std::int64_t next = own + step;
    return next >= 0 && next / program_.chain_length == own / program_.chain_length ? next : -1;
  }
  Message& message(PassKind kind, std::int64_t into_piece, std::int64_t microbatch);
  void receive(Stage& stage, const Slot& slot, int thread);
  void send(Stage& stage, const Slot& slot, int thread);

  const CompiledPass& pass_of(const Stage& stage, const Slot& slot) const;
  void record(const Stage& stage, int stream, std::string name, Seconds start, Seconds end);
  void record_segment(const Stage& stage, const CompiledPass& pass, const PassStep& step, int thread, Seconds start);
  StepResult collect() const;

  const TimedProgram& program_;
  const StepOptions& options_;
  std::vector<std::unique_ptr<Stage>> stages_;
  std::vector<std::unique_ptr<Message>> messages_;
  std::vector<std::int64_t> stage_of_piece_;
  StepResult result_;
  std::string deadlock_;
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
  ++result_.activities;
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
    record(*stream.stage, kFirstCommStream + static_cast<int>(stream.comm_class), request.name, start, now());
    request.done->set();
  }
}

void StepRun::launch(Stage& stage, const TimedOp& op, bool slowed, std::shared_ptr<Signal> done) {
  CommStream& stream = stage.streams[static_cast<std::size_t>(op.comm_class)];
  std::string name = options_.trace ? program_.names[static_cast<std::size_t>(op.name)] : std::string();
  stream.queue.push_back({&op, slowed, std::move(done), std::move(name)});
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

Message& StepRun::message(PassKind kind, std::int64_t into_piece, std::int64_t microbatch) {
  const std::int64_t direction = kind == PassKind::kForward ? 0 : 1;
  const auto index = static_cast<std::size_t>((direction * pieces() + into_piece) * program_.microbatches + microbatch);
  if (!messages_[index]) messages_[index] = std::make_unique<Message>();
  return *messages_[index];
}

void StepRun::receive(Stage& stage, const Slot& slot, int thread) {
  const std::int64_t own = piece(stage, slot);
  if (slot.kind == PassKind::kBackwardWeight || next_piece(own, slot.kind == PassKind::kForward ? -1 : 1) < 0) return;
  Message& m = message(slot.kind, own, slot.microbatch);
  if (m.arrived->done()) return;
  // Until the other stage's pass ends this is a bubble, from then on the transfer's time.
  stage.clock.set(thread, m.posted ? Doing::kCommunication : Doing::kBubble, now(), CommClass::kPipeline);
  m.waiter = &stage.clock;
  m.waiter_thread = thread;
  m.arrived->wait();
  stage.clock.set(thread, Doing::kNothing, now());
}

void StepRun::send(Stage& stage, const Slot& slot, int thread) {
  const std::int64_t next = next_piece(piece(stage, slot), slot.kind == PassKind::kForward ? 1 : -1);
  if (slot.kind == PassKind::kBackwardWeight || next < 0) return;
  Message& m = message(slot.kind, next, slot.microbatch);
  m.posted = true;
  if (m.waiter != nullptr) m.waiter->set(m.waiter_thread, Doing::kCommunication, now(), CommClass::kPipeline);
  const std::int64_t to = stage_of_piece_[static_cast<std::size_t>(next)];
  if (to == stage.index) {  // the foot of a V
    m.arrived->set();
    return;
  }
  // The boundary between two neighbours has one cost in both directions, that of the earlier one's send (wrapping).
  const std::int64_t link = (stage.index + 1) % stages() == to ? stage.index : to;
  const TimedOp& op = program_.stages[static_cast<std::size_t>(link)].send_next;
  launch(stage, op, !program_.blocking_sends, m.arrived);
  if (program_.blocking_sends) wait_for(stage, *m.arrived, CommClass::kPipeline, thread);
}

// --- passes ---------------------------------------------------------------------------------------------------------

void StepRun::compute(Stage& stage, const CompiledPass& pass, const PassStep& step, int thread, bool detail) {
  stage.clock.set(thread, Doing::kQueueing, now());
  stage.compute_stream->lock();
  stage.clock.set(thread, Doing::kComputing, now());
  const Seconds start = now();
  sg4::this_actor::execute(step.time.value() * kHostSpeed);
  stage.clock.set(thread, Doing::kNothing, now());
  stage.compute_stream->unlock();
  ++result_.activities;
  for (std::int32_t i = step.first; i < step.last; ++i) {
    const TimedOp& op = (*pass.ops)[static_cast<std::size_t>(i)];
    stage.clock.add_nominal_compute(op.compute_class, op.time, op.recompute);
  }
  if (detail) record_segment(stage, pass, step, thread, start);
}

void StepRun::run_pass(Stage& stage, const CompiledPass& pass, int thread, bool detail) {
  for (const PassStep& step : pass.steps) {
    if (!step.is_compute)
      communicate(stage, (*pass.ops)[static_cast<std::size_t>(step.first)], thread);
    else if (step.time.value() > 0)
      compute(stage, pass, step, thread, detail);
  }
}

const CompiledPass& StepRun::pass_of(const Stage& stage, const Slot& slot) const {
  return stage.chunks[static_cast<std::size_t>(slot.chunk)].of(slot.kind, slot.microbatch, program_.microbatches - 1);
}

void StepRun::run_slot(Stage& stage, const Slot& slot, int thread) {
  receive(stage, slot, thread);
  const Seconds start = now();
  const bool detail = options_.trace && slot.microbatch < options_.trace_detail_microbatches;
  ++stage.passes_running;
  run_pass(stage, pass_of(stage, slot), thread, detail);
  --stage.passes_running;
  if (options_.trace)
    record(stage, thread,
           fmt::format("{} micro-batch {} chunk {}", to_string(slot.kind), slot.microbatch, slot.chunk),
           start, now());
  send(stage, slot, thread);
}

void StepRun::walk_stage(Stage& stage) {
  const CompiledPass prologue = compile_pass(stage.timed->prologue), epilogue = compile_pass(stage.timed->epilogue);
  run_pass(stage, prologue, kPassStream, options_.trace);
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
  run_pass(stage, epilogue, kPassStream, options_.trace);
  record(stage, kPassStream, "gradient reduction and optimizer", start, now());
  stage.own_end = now();
}

// --- trace and result -----------------------------------------------------------------------------------------------

void StepRun::record(const Stage& stage, int stream, std::string name, Seconds start, Seconds end) {
  if (options_.trace && end > start) result_.trace.push_back({stage.index, stream, std::move(name), start, end});
}

// The operations of a segment side by side, stretched together where communication slowed them.
void StepRun::record_segment(const Stage& stage, const CompiledPass& pass, const PassStep& step, int thread,
                             Seconds start) {
  const double stretch = (now() - start) / step.time;
  for (std::int32_t i = step.first; i < step.last; ++i) {
    const TimedOp& op = (*pass.ops)[static_cast<std::size_t>(i)];
    const Seconds end = start + op.time * stretch;
    record(stage, thread, program_.names[static_cast<std::size_t>(op.name)], start, end);
    start = end;
  }
}

StepResult StepRun::collect() const {
  StepResult out = result_;
  for (const auto& stage : stages_) out.step_time = max(out.step_time, stage->own_end);
  for (const auto& stage : stages_) out.stages.push_back(stage->clock.close(stage->own_end, out.step_time));
  return out;
}

StepResult StepRun::run() {
  auto& engine = make_simgrid_engine();
  stages_ = make_stages(program_, options_.overlap_slowdown);
  messages_.resize(static_cast<std::size_t>(2 * pieces() * program_.microbatches));
  stage_of_piece_.resize(static_cast<std::size_t>(pieces()));
  for (const auto& stage : stages_)
    for (const std::int64_t p : stage->timed->pieces) stage_of_piece_[static_cast<std::size_t>(p)] = stage->index;
  start_actors();
  sg4::Engine::on_deadlock_cb([this] {
    for (const auto& stage : stages_)
      if (stage->own_end.value() == 0) deadlock_ += fmt::format(" {}", stage->index);
  });
  engine.run();
  if (!deadlock_.empty())
    throw std::runtime_error(
        fmt::format("the step program is deadlocked: pipeline stages{} wait for passes that never run", deadlock_));
  return collect();
}

}  // namespace

StepResult run_step_simgrid(const TimedProgram& program, const StepOptions& options) {
  return deserialize_step_result(run_in_child([&] { return serialize(StepRun(program, options).run()); }));
}

}  // namespace supernode
