#include "workloads/schedule_timeline.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

namespace supernode {

namespace {

class TimelineRun {
 public:
  TimelineRun(const std::vector<std::vector<Slot>>& orders, const PlanSpec& plan, const PassTimes& times)
      : orders_(orders), plan_(plan), times_(times), microbatches_(chain_microbatches(plan)) {
    timeline_.stages.resize(orders.size());
    forward_end_.resize(static_cast<std::size_t>(piece_count(plan) * microbatches_));
    input_end_ = forward_end_;
  }

  ScheduleTimeline run();

 private:
  using Ends = std::vector<std::optional<double>>;  // by piece and micro-batch

  std::size_t index(std::int64_t piece, std::int64_t microbatch) const {
    return static_cast<std::size_t>(piece * microbatches_ + microbatch);
  }
  std::optional<double> input_time(const Slot& slot, std::int64_t stage) const;
  bool advance(std::int64_t stage);
  void place(const Slot& slot, std::int64_t stage, double start, double end);

  const std::vector<std::vector<Slot>>& orders_;
  const PlanSpec& plan_;
  const PassTimes& times_;
  const std::int64_t microbatches_;
  Ends forward_end_, input_end_;
  ScheduleTimeline timeline_;
};

// When what a pass needs from other stages is there; nothing when that is not known yet.
std::optional<double> TimelineRun::input_time(const Slot& slot, std::int64_t stage) const {
  const std::int64_t piece = piece_of(plan_, stage, slot.chunk);
  if (slot.kind == PassKind::kBackwardWeight) return 0;
  if (slot.kind == PassKind::kForward) {
    return begins_chain(plan_, piece) ? 0 : forward_end_[index(piece - 1, slot.microbatch)];
  }
  return ends_chain(plan_, piece) ? 0 : input_end_[index(piece + 1, slot.microbatch)];
}

void TimelineRun::place(const Slot& slot, std::int64_t stage, double start, double end) {
  timeline_.stages[static_cast<std::size_t>(stage)].slots.push_back({slot, start, end});
  const std::size_t at = index(piece_of(plan_, stage, slot.chunk), slot.microbatch);
  if (slot.kind == PassKind::kForward) forward_end_[at] = end;
  if (slot.kind == PassKind::kBackward || slot.kind == PassKind::kBackwardInput) input_end_[at] = end;
}

// Places the next pass, or pair of passes, of `stage` if its inputs are known.
bool TimelineRun::advance(std::int64_t stage) {
  StageTimeline& own = timeline_.stages[static_cast<std::size_t>(stage)];
  const auto& order = orders_[static_cast<std::size_t>(stage)];
  const std::size_t next = own.slots.size();
  if (next == order.size()) return false;
  const bool pair = order[next].with_next;
  double start = own.end();
  for (std::size_t i = next; i < next + (pair ? 2 : 1); ++i) {
    const auto input = input_time(order[i], stage);
    if (!input) return false;
    start = std::max(start, *input);
  }
  const double time = pair ? times_.of_pair() : times_.of(order[next].kind);
  if (next > 0) own.waiting += start - own.end();
  own.busy += time;
  for (std::size_t i = next; i < next + (pair ? 2 : 1); ++i) place(order[i], stage, start, start + time);
  return true;
}

ScheduleTimeline TimelineRun::run() {
  for (bool moved = true; moved;) {
    moved = false;
    for (std::int64_t stage = 0; stage < plan_.pipeline_parallel; ++stage) {
      while (advance(stage)) moved = true;
    }
  }
  for (std::size_t stage = 0; stage < orders_.size(); ++stage) {
    StageTimeline& own = timeline_.stages[stage];
    assert(own.slots.size() == orders_[stage].size());
    own.peak_in_flight = peak_in_flight(orders_[stage]);
    timeline_.length = std::max(timeline_.length, own.end());
  }
  return std::move(timeline_);
}

}  // namespace

double PassTimes::of(PassKind kind) const {
  switch (kind) {
    case PassKind::kForward:
      return forward;
    case PassKind::kBackward:
      return backward_input + backward_weight;
    case PassKind::kBackwardInput:
      return backward_input;
    case PassKind::kBackwardWeight:
      return backward_weight;
  }
  return 0;
}

double ScheduleTimeline::bubble_share() const {
  double busy = 0;
  for (const StageTimeline& stage : stages) busy += stage.busy;
  return length > 0 ? 1 - busy / (length * static_cast<double>(stages.size())) : 0;
}

ScheduleTimeline run_schedule(const std::vector<std::vector<Slot>>& orders, const PlanSpec& plan,
                              const PassTimes& times) {
  return TimelineRun(orders, plan, times).run();
}

std::int64_t peak_in_flight(const std::vector<Slot>& order) {
  std::int64_t held = 0, peak = 0;
  for (const Slot& slot : order) {
    if (slot.kind == PassKind::kForward) ++held;
    if (slot.kind == PassKind::kBackward || slot.kind == PassKind::kBackwardWeight) --held;
    peak = std::max(peak, held);
  }
  return peak;
}

}  // namespace supernode
