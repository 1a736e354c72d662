#include "sim/stage_clock.hpp"

#include <numeric>

namespace supernode {

void StageClock::book(const Thread& thread, Seconds time) {
  switch (thread.doing) {
    case Doing::kCommunication:
      time_.exposed[static_cast<std::size_t>(thread.comm_class)] += time;
      return;
    case Doing::kBubble:
      time_.bubble += time;
      return;
    case Doing::kHost:
      time_.host += time;
      return;
    case Doing::kNothing:
    case Doing::kComputing:
    case Doing::kQueueing:
      return;
  }
}

void StageClock::account(Seconds now) {
  const Seconds elapsed = now - last_;
  last_ = now;
  const auto& [a, b] = threads_;
  if (a.doing == Doing::kComputing || b.doing == Doing::kComputing) {
    computing_ += elapsed;
    return;
  }
  const Seconds share = a.waits() && b.waits() ? elapsed / 2 : elapsed;
  book(a, share);
  book(b, share);
}

void StageClock::add_pass(const CompiledPass& pass) {
  for (std::size_t c = 0; c < pass.compute.size(); ++c) time_.compute[c] += pass.compute[c];
  time_.recompute += pass.recompute;
}

StageTime StageClock::close(Seconds own_end, Seconds step_end, double straggler_factor) const {
  StageTime out = time_;
  const Seconds nominal = std::accumulate(out.compute.begin(), out.compute.end(), Seconds(0));
  out.stragglers = nominal * (straggler_factor - 1);
  out.slowdown = computing_ - nominal - out.stragglers;
  for (std::size_t c = 0; c < out.hidden.size(); ++c)
    out.hidden[c] = max(Seconds(0), communication_[c] - out.exposed[c]);
  out.idle_end = step_end - own_end;
  return out;
}

}  // namespace supernode
