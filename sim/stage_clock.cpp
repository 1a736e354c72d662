#include "sim/stage_clock.hpp"

#include <numeric>

namespace supernode {

void StageClock::account(Seconds now) {
  const Seconds elapsed = now - last_;
  last_ = now;
  if (elapsed.value() <= 0) return;
  int waiting = 0;
  for (const Thread& t : threads_) {
    if (t.doing == Doing::kComputing) {
      computing_ += elapsed;
      return;
    }
    if (t.doing == Doing::kCommunication || t.doing == Doing::kBubble) ++waiting;
  }
  for (const Thread& t : threads_) {
    if (t.doing == Doing::kCommunication) time_.exposed[static_cast<std::size_t>(t.comm_class)] += elapsed / waiting;
    if (t.doing == Doing::kBubble) time_.bubble += elapsed / waiting;
  }
}

void StageClock::set(int thread, Doing doing, Seconds now, CommClass comm_class) {
  account(now);
  threads_[static_cast<std::size_t>(thread)] = {doing, comm_class};
}

void StageClock::add_nominal_compute(ComputeClass c, Seconds time, bool recompute) {
  time_.compute[static_cast<std::size_t>(c)] += time;
  if (recompute) time_.recompute += time;
}

StageTime StageClock::close(Seconds own_end, Seconds step_end) const {
  StageTime out = time_;
  const Seconds nominal = std::accumulate(out.compute.begin(), out.compute.end(), Seconds(0));
  out.slowdown = computing_ - nominal;
  for (std::size_t c = 0; c < out.hidden.size(); ++c)
    out.hidden[c] = max(Seconds(0), communication_[c] - out.exposed[c]);
  out.idle_end = step_end - own_end;
  return out;
}

}  // namespace supernode
