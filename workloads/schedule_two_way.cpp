#include "workloads/schedule_two_way.hpp"

#include <cassert>

#include "workloads/stage_slots.hpp"

namespace supernode {

namespace {

// The phases of one stage, in order.
class TwoWay {
 public:
  TwoWay(const TwoWayPlace& place, std::int64_t microbatches, bool paired)
      : near_(place.near),
        far_(place.far),
        behind_(place.behind),
        earlier_(place.before + 1),
        rounds_(microbatches - 2 * (earlier_ + behind_) + earlier_),
        paired_(paired),
        slots_(2, microbatches) {}

  std::vector<Slot> order() {
    fill();
    steady();
    drain();
    return slots_.take();
  }

 private:
  void fill();
  void steady();
  void drain();
  void finish_both();
  void backward(std::int64_t chunk, bool split) { split ? slots_.backward_input(chunk) : slots_.backward(chunk); }

  const std::int64_t near_, far_, behind_, earlier_, rounds_;
  const bool paired_;
  StageSlots slots_;
};

// Forward passes of the near stream, then of both; the first backward passes of the far stream leave their weights to
// the time in which its next forward pass is awaited.
void TwoWay::fill() {
  for (std::int64_t i = 0; i < 2 * behind_; ++i) slots_.forward(near_);
  for (std::int64_t i = 0; i < earlier_; ++i) {
    slots_.forward(near_);
    slots_.forward(far_);
  }
  for (std::int64_t i = 0; i < behind_; ++i) {
    slots_.backward_input(far_);
    slots_.backward_weight();
    slots_.forward(far_);
  }
}

void TwoWay::steady() {
  for (std::int64_t i = 0; i < rounds_; ++i) {
    // Where the streams meet, the first two passes are of one micro-batch or wait for each other: they are not paired.
    slots_.forward_and_backward(near_, far_, paired_ && !(i == 0 && behind_ == 0));
    slots_.forward_and_backward(far_, near_, paired_);
  }
  for (std::int64_t i = 0; i < behind_; ++i) {
    slots_.backward(far_);
    slots_.forward_and_backward(far_, near_, paired_);
  }
}

// Backward passes of both streams; the second half of them leaves its weights for later.
void TwoWay::finish_both() {
  bool split = false;
  for (std::int64_t i = 0; i < earlier_; ++i) {
    const bool middle = i == earlier_ / 2;
    if (middle && earlier_ % 2 == 0) split = true;
    backward(far_, split);
    if (middle) split = true;
    backward(near_, split);
  }
}

void TwoWay::drain() {
  finish_both();
  for (std::int64_t i = 0; i < behind_; ++i) {
    slots_.backward_weight();
    slots_.backward_input(near_);
  }
  for (std::int64_t i = 0; i < earlier_; ++i) slots_.backward_weight();
  assert(slots_.owed(near_) == 0 && slots_.owed(far_) == 0);
}

}  // namespace

std::vector<Slot> two_way_order(const TwoWayPlace& place, std::int64_t microbatches, bool paired) {
  assert(microbatches >= 2 * (place.before + 1 + place.behind));
  return TwoWay(place, microbatches, paired).order();
}

}  // namespace supernode
