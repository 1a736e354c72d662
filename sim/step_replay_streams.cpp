// Computation and communication of a replay.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <utility>

#include "sim/step_replay_run.hpp"

namespace supernode {

using Doing = StageClock::Doing;

// --- computation ----------------------------------------------------------------------------------------------------

void Replay::start_compute(std::int32_t s, int t) {
  ReplayStage& st = stage(s);
  wait(s, t, Doing::kComputing);
  st.computing = t;
  st.compute_start = st.work_since = now_;
  st.work = st.threads[static_cast<std::size_t>(t)].current().time.value();
  timers_.set(timer(s, kComputeTimer), now_ + st.work / st.speed);
}

void Replay::end_compute(std::int32_t s) {
  ReplayStage& st = stage(s);
  const int t = st.computing;
  PassThread& th = st.threads[static_cast<std::size_t>(t)];
  wait(s, t, Doing::kNothing);
  ++activities_;
  if (th.detail) trace_.segment(s, t, *th.pass, th.current(), Seconds(st.compute_start), now());
  st.computing = -1;
  if (st.queued >= 0) start_compute(s, std::exchange(st.queued, -1));
  advance(s, t);
}

void Replay::set_communicating(std::int32_t s, int change) {
  ReplayStage& st = stage(s);
  st.communicating += change;
  const double speed = st.communicating > 0 ? 1 / options_.overlap_slowdown : 1.0;
  if (speed == st.speed || options_.overlap_slowdown <= 1) return;
  if (st.computing >= 0) {
    st.work -= (now_ - st.work_since) * st.speed;
    st.work_since = now_;
    timers_.set(timer(s, kComputeTimer), now_ + st.work / speed);
  }
  st.speed = speed;
}

// --- communication --------------------------------------------------------------------------------------------------

// Shares the port again; flows whose rate changes end at another time. Written for the common case of one flow.
void Replay::share(std::int32_t s, ReplayPort& port) {
  auto& streams = stage(s).streams;
  std::array<double, kCommClasses> before;  // by place on the port
  for (int i = 0; i < port.count; ++i) {
    ReplayStream& stream = streams[port.flows[static_cast<std::size_t>(i)]];
    before[static_cast<std::size_t>(i)] = stream.rate;
    stream.left -= stream.rate * (now_ - stream.since);
    stream.since = now_;
  }
  if (port.count == 1) {
    ReplayStream& alone = streams[port.flows[0]];
    alone.rate = std::min(alone.cap, port.bandwidth);
  } else {
    share_port(port, streams);
  }
  for (int i = 0; i < port.count; ++i) {
    const auto c = port.flows[static_cast<std::size_t>(i)];
    if (streams[c].rate == before[static_cast<std::size_t>(i)]) continue;
    timers_.set(timer(s, c), now_ + std::max(0.0, streams[c].left) / streams[c].rate);
  }
}

void Replay::begin_flow(std::int32_t s, int c) {
  ReplayStage& st = stage(s);
  ReplayStream& stream = st.streams[static_cast<std::size_t>(c)];
  const TimedOp& op = *stream.current.op;
  // Computation takes memory bandwidth and cores from a scale-up transfer; a NIC is too slow to miss them.
  const bool slowed = stream.current.slowed && op.plane != Plane::kScaleOut;
  const double time = (op.time - op.latency).value() * (slowed ? options_.overlap_slowdown : 1.0);
  if (op.port_bytes.value() < 1 || time <= 0 || op.plane == Plane::kLocal) {
    stream.doing = ReplayStream::Doing::kFixed;
    timers_.set(timer(s, static_cast<std::uint32_t>(c)), now_ + std::max(0.0, time));
    return;
  }
  stream.doing = ReplayStream::Doing::kFlow;
  stream.left = op.port_bytes.value();
  stream.cap = stream.left / time;
  stream.rate = 0;
  stream.since = now_;
  ReplayPort& port = op.plane == Plane::kScaleOut ? st.out : st.up;
  port.add(c);
  share(s, port);
}

void Replay::begin_transfer(std::int32_t s, int c, const ReplayTransfer& transfer) {
  ReplayStream& stream = stage(s).streams[static_cast<std::size_t>(c)];
  stream.current = transfer;
  stream.start = now_;
  if (transfer.slowed) set_communicating(s, +1);
  const double latency = transfer.op->latency.value();
  if (latency <= 0) return begin_flow(s, c);
  stream.doing = ReplayStream::Doing::kLatency;
  timers_.set(timer(s, static_cast<std::uint32_t>(c)), now_ + latency);
}

void Replay::end_transfer(std::int32_t s, int c) {
  ReplayStage& st = stage(s);
  ReplayStream& stream = st.streams[static_cast<std::size_t>(c)];
  const ReplayTransfer ended = stream.current;
  if (stream.doing == ReplayStream::Doing::kFlow) {
    ReplayPort& port = ended.op->plane == Plane::kScaleOut ? st.out : st.up;
    port.remove(c);
    if (port.count > 0) share(s, port);
  }
  stream.doing = ReplayStream::Doing::kNothing;
  ++activities_;
  st.clock.add_communication(ended.op->comm_class, Seconds(now_ - stream.start));
  trace_.communication(s, *ended.op, Seconds(stream.start), now());
  if (stream.head < stream.queue.size()) {
    begin_transfer(s, c, stream.queue[stream.head++]);
  } else {
    stream.queue.clear();
    stream.head = 0;
  }
  if (ended.slowed) set_communicating(s, -1);
  tell(s, ended.listener);
}

void Replay::launch(std::int32_t s, const ReplayTransfer& transfer) {
  const int c = static_cast<int>(transfer.op->comm_class);
  ReplayStream& stream = stage(s).streams[static_cast<std::size_t>(c)];
  if (stream.doing == ReplayStream::Doing::kNothing)
    begin_transfer(s, c, transfer);
  else
    stream.queue.push_back(transfer);
}

void Replay::tell(std::int32_t s, const ReplayListener& listener) {
  if (listener.kind == ReplayListener::Kind::kThread) return wake(s, static_cast<int>(listener.index));
  if (listener.kind == ReplayListener::Kind::kEvent) {
    ReplayEvent& event = stage(s).events[static_cast<std::size_t>(listener.index)];
    if (event.launches != listener.launch) return;  // launched again since; nobody waits for this one
    event.done = true;
    for (int t = 0; t < StageClock::kThreads; ++t)
      if ((event.waiting >> t & 1) != 0) wake(s, t);
    event.waiting = 0;
    return;
  }
  ReplayMessage& message = messages_[static_cast<std::size_t>(listener.index)];
  message.arrived = true;
  if (message.receiver >= 0) wake(message.receiving_stage, message.receiver);
  if (message.sender >= 0) wake(s, message.sender);
}

// Returns whether the thread runs on at once.
bool Replay::communicate(std::int32_t s, int t, const TimedOp& op) {
  ReplayStage& st = stage(s);
  // A blocking operation too runs under computation when the other pass of a pair computes meanwhile.
  const bool slowed = op.kind == Op::Kind::kCommAsync || st.passes_running > 1;
  if (op.kind == Op::Kind::kComm) {
    wait(s, t, Doing::kCommunication, op.comm_class);
    launch(s, {&op, slowed, {ReplayListener::Kind::kThread, 0, t}});
    return false;
  }
  assert(op.event >= 0);
  ReplayEvent& event = st.events[static_cast<std::size_t>(op.event)];
  if (op.kind == Op::Kind::kCommAsync) {
    event = {event.launches + 1, false, 0};
    launch(s, {&op, slowed, {ReplayListener::Kind::kEvent, event.launches, op.event}});
    wake(s, t);  // threads that run at the same instant take turns operation by operation
    return false;
  }
  if (event.launches == 0)
    throw std::logic_error(fmt::format("stage {} waits for event {} before it was launched", s, op.event));
  if (event.done) return true;
  event.waiting = static_cast<std::uint8_t>(event.waiting | 1 << t);
  wait(s, t, Doing::kCommunication, op.comm_class);
  return false;
}

}  // namespace supernode
