#pragma once
// A schedule run in time under the assumptions of the papers: every stage alike, each pass of a chunk takes the time of
// its kind, sending takes none. Gives what the papers state in formulas: bubbles and passes in flight. Times are in any
// one unit.

#include <cstdint>
#include <vector>

#include "workloads/step_program.hpp"

namespace supernode {

// Of one micro-batch through one chunk. A whole backward pass takes both halves.
struct PassTimes {
  double forward = 1, backward_input = 1, backward_weight = 1;
  double pair = 0;  // a forward and a whole backward pass at the same time; 0 = as long as one after the other

  double of(PassKind kind) const;
  double of_pair() const { return pair > 0 ? pair : of(PassKind::kForward) + of(PassKind::kBackward); }
};

struct TimelineSlot {
  Slot slot;
  double start = 0, end = 0;
};

struct StageTimeline {
  std::vector<TimelineSlot> slots;  // in order; the passes of a pair start and end together
  double busy = 0;                  // a pair counts once
  double waiting = 0;               // between the first and the last pass
  // Forward passes of a chunk whose activations are held at most: from the forward pass to the end of the backward
  // pass, or of its weight half.
  std::int64_t peak_in_flight = 0;

  double end() const { return slots.empty() ? 0 : slots.back().end; }
};

struct ScheduleTimeline {
  std::vector<StageTimeline> stages;
  double length = 0;  // until the last stage ends

  // Time in which a stage does nothing, of `length`; the papers' bubble, but for those of zero bubble, which count
  // `waiting` alone (a stage may begin its next step when it is done, arXiv 2401.10241, section 4).
  double bubble(std::int64_t stage) const { return length - stages[static_cast<std::size_t>(stage)].busy; }
  double bubble_share() const;  // of all stages
};

// `orders` must have passed check_order. A pair starts when both of its passes can.
ScheduleTimeline run_schedule(const std::vector<std::vector<Slot>>& orders, const PlanSpec& plan,
                              const PassTimes& times);

// As StageTimeline::peak_in_flight; depends on the order alone.
std::int64_t peak_in_flight(const std::vector<Slot>& order);

}  // namespace supernode
