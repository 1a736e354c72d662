// Threads of passes of a replay, and its loop.
#include <algorithm>
#include <stdexcept>

#include "sim/step_replay_run.hpp"

namespace supernode {

using Doing = StageClock::Doing;

// --- passes ---------------------------------------------------------------------------------------------------------

// Returns whether the thread must wait.
bool Replay::wait_for_host(std::int32_t s, int t, double until) {
  if (until <= now_) return false;
  wait(s, t, Doing::kHost);
  timers_.set(timer(s, kThreadTimer + static_cast<std::uint32_t>(t)), until);
  return true;
}

bool Replay::issue(std::int32_t s, int t) {
  ReplayStage& st = stage(s);
  const PassStep& step = thread(s, t).current();
  const double begun = st.host_clock;
  st.host_clock += step.host.value();
  return step.lead.value() <= 0 || !wait_for_host(s, t, begun + step.lead.value());
}

// Returns whether the step is over at once.
bool Replay::start_step(std::int32_t s, int t) {
  ReplayStage& st = stage(s);
  const PassThread& th = thread(s, t);
  const PassStep& step = th.current();
  if (!step.is_compute) return communicate(s, t, th.pass->op(step));
  if (step.time.value() <= 0) return true;
  if (st.computing >= 0) {
    wait(s, t, Doing::kQueueing);
    st.queued = t;
  } else {
    start_compute(s, t);
  }
  return false;
}

// Returns whether the pass has come to its end.
bool Replay::run_steps(std::int32_t s, int t) {
  PassThread& th = thread(s, t);
  for (; th.step < th.pass->steps.size(); ++th.step, th.step_phase = StepPhase::kFresh) {
    if (th.step_phase == StepPhase::kFresh) {
      th.step_phase = StepPhase::kIssued;
      if (!issue(s, t)) return false;
    }
    if (th.step_phase == StepPhase::kIssued) {
      th.step_phase = StepPhase::kDone;
      if (!start_step(s, t)) return false;
    }
  }
  return true;
}

// Returns whether the slot's message is there.
bool Replay::receive(std::int32_t s, int t) {
  const StepRoutes::End from = routes_.received(s, *thread(s, t).slot);
  if (!from.exists()) return true;
  ReplayMessage& message = messages_[static_cast<std::size_t>(from.message)];
  if (message.arrived) return true;
  // Until the other stage's pass ends this is a bubble, from then on the transfer's time.
  wait(s, t, message.posted ? Doing::kCommunication : Doing::kBubble);
  message.receiver = static_cast<std::int8_t>(t);
  message.receiving_stage = s;
  return false;
}

void Replay::begin(std::int32_t s, int t) {
  ReplayStage& st = stage(s);
  PassThread& th = thread(s, t);
  if (program_.synchronous_pipeline) {
    const StepRoutes::End from = routes_.received(s, *th.slot);
    if (from.exists() && from.stage != s) st.host_clock = std::max(st.host_clock, now_);
  }
  st.host_clock += program_.host_pass.value();
  ++st.passes_running;
  th.pass = &st.chunks[static_cast<std::size_t>(th.slot->chunk)].of(th.slot->kind, th.slot->microbatch,
                                                                    program_.microbatches - 1);
  th.step = 0;
  th.detail = trace_.detail(*th.slot);
  th.start = now_;
}

// Returns whether the thread runs on at once: not when it waits for its message to arrive.
bool Replay::send(std::int32_t s, int t) {
  const StepRoutes::End to = routes_.sent(s, *thread(s, t).slot);
  if (!to.exists()) return true;
  ReplayMessage& message = messages_[static_cast<std::size_t>(to.message)];
  message.posted = true;
  if (message.receiver >= 0) wait(message.receiving_stage, message.receiver, Doing::kCommunication);
  const ReplayListener listener{ReplayListener::Kind::kMessage, 0, to.message};
  if (to.stage == s) {  // the foot of a V
    tell(s, listener);
    return true;
  }
  if (program_.blocking_sends) message.sender = static_cast<std::int8_t>(t);
  launch(s, {&routes_.operation(s, to.stage), !program_.blocking_sends, listener});
  if (program_.blocking_sends) wait(s, t, Doing::kCommunication);
  return !program_.blocking_sends;
}

// Returns whether the thread runs on at once.
bool Replay::end_pass(std::int32_t s, int t) {
  ReplayStage& st = stage(s);
  PassThread& th = thread(s, t);
  st.clock.add_pass(*th.pass);
  if (th.slot != nullptr) {
    --st.passes_running;
    trace_.pass(s, t, *th.slot, Seconds(th.start), now());
    th.phase = ThreadPhase::kSent;
    return send(s, t);
  }
  if (th.pass == &st.prologue) return next_slot(s);
  trace_.epilogue(s, Seconds(th.start), now());
  th.phase = ThreadPhase::kFinish;
  return !wait_for_host(s, t, now_ + program_.host_step.value());
}

void Replay::take_slot(std::int32_t s, int t, std::size_t position) {
  PassThread& th = thread(s, t);
  th.slot = &stage(s).timed->order[position];
  th.phase = ThreadPhase::kReceive;
}

// The first thread's next pass; the epilogue behind the last. Of a pair the second thread goes first. Returns whether
// the thread runs on at once.
bool Replay::next_slot(std::int32_t s) {
  ReplayStage& st = stage(s);
  const auto& order = st.timed->order;
  PassThread& th = thread(s, kPassStream);
  if (st.position == order.size()) {
    th = {ThreadPhase::kSteps, StepPhase::kFresh, trace_.on(), nullptr, &st.epilogue, 0, now_};
    return true;
  }
  take_slot(s, kPassStream, st.position);
  if (!order[st.position].with_next) {
    ++st.position;
    return true;
  }
  take_slot(s, kSecondPassStream, st.position + 1);
  wake(s, kSecondPassStream);
  wake(s, kPassStream);
  st.position += 2;
  return false;
}

// Runs a thread on until it waits.
void Replay::advance(std::int32_t s, int t) {
  ReplayStage& st = stage(s);
  PassThread& th = thread(s, t);
  while (true) {
    switch (th.phase) {
      case ThreadPhase::kReceive:
        th.phase = ThreadPhase::kBegin;
        if (!receive(s, t)) return;
        break;
      case ThreadPhase::kBegin:
        begin(s, t);
        th.phase = ThreadPhase::kSteps;
        break;
      case ThreadPhase::kSteps:
        if (!run_steps(s, t) || !end_pass(s, t)) return;
        break;
      case ThreadPhase::kSent:
        if (t == kSecondPassStream) {
          th.phase = ThreadPhase::kIdle;
          if (st.threads[kPassStream].phase == ThreadPhase::kJoin) wake(s, kPassStream);
          return;
        }
        th.phase = ThreadPhase::kJoin;
        break;
      case ThreadPhase::kJoin:
        if (st.threads[kSecondPassStream].phase != ThreadPhase::kIdle) return;
        if (!next_slot(s)) return;
        break;
      case ThreadPhase::kFinish:
        st.own_end = now_;
        th.phase = ThreadPhase::kDone;
        return;
      case ThreadPhase::kIdle:
      case ThreadPhase::kDone:
        return;
    }
  }
}

// --- the loop -------------------------------------------------------------------------------------------------------

void Replay::fire(std::uint32_t due) {
  const auto s = static_cast<std::int32_t>(due / kStageTimers);
  const std::uint32_t which = due % kStageTimers;
  if (which == kComputeTimer) return end_compute(s);
  if (which >= kThreadTimer) return wake(s, static_cast<int>(which - kThreadTimer));
  const int c = static_cast<int>(which);
  if (stage(s).streams[which].doing == ReplayStream::Doing::kLatency)
    begin_flow(s, c);
  else
    end_transfer(s, c);
}

void Replay::run_ready() {
  for (std::size_t i = 0; i < ready_.size(); ++i) {
    const auto [s, t] = ready_[i];
    wait(s, t, Doing::kNothing);
    advance(s, t);
  }
  ready_.clear();
}

StepResult Replay::collect() {
  StepResult out;
  std::vector<std::int64_t> waiting;
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    if (stages_[s].threads[kPassStream].phase != ThreadPhase::kDone) waiting.push_back(static_cast<std::int64_t>(s));
    out.step_time = max(out.step_time, Seconds(stages_[s].own_end));
  }
  if (!waiting.empty()) throw std::runtime_error(deadlock_text(waiting));
  for (const ReplayStage& st : stages_)
    out.stages.push_back(st.clock.close(Seconds(st.own_end), out.step_time, options_.straggler_factor));
  out.trace = trace_.take();
  out.activities = activities_;
  return out;
}

StepResult Replay::run() {
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    ReplayStage& st = stages_[s];
    st.threads[kPassStream] = {ThreadPhase::kSteps, StepPhase::kFresh, trace_.on(), nullptr, &st.prologue, 0, 0};
    wake(static_cast<std::int32_t>(s), kPassStream);
  }
  run_ready();
  while (true) {
    const std::uint32_t due = timers_.next();
    if (timers_.time(due) == ReplayTimers::kNever) return collect();
    now_ = timers_.time(due);
    timers_.stop(due);
    fire(due);
    run_ready();
    timers_.settle(due);
  }
}

StepResult run_step_replay(const TimedProgram& program, const StepOptions& options) {
  return Replay(program, options).run();
}

StepResult run_step(const TimedProgram& program, const StepOptions& options, StepEngine engine) {
  return engine == StepEngine::kReplay ? run_step_replay(program, options) : run_step_simgrid(program, options);
}

}  // namespace supernode
