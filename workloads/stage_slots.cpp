#include "workloads/stage_slots.hpp"

#include <algorithm>
#include <cassert>

namespace supernode {

void StageSlots::add(PassKind kind, std::int64_t chunk, std::int64_t microbatch) {
  if (microbatch < microbatches_) slots_.push_back({.kind = kind, .microbatch = microbatch, .chunk = chunk});
}

void StageSlots::forward(std::int64_t chunk) { add(PassKind::kForward, chunk, forward_[index(chunk)]++); }

void StageSlots::backward(std::int64_t chunk) { add(PassKind::kBackward, chunk, backward_[index(chunk)]++); }

void StageSlots::backward_input(std::int64_t chunk) {
  const std::int64_t microbatch = backward_[index(chunk)]++;
  add(PassKind::kBackwardInput, chunk, microbatch);
  owed_[index(chunk)].push_back(microbatch);
  owed_chunks_.push_back(chunk);
}

void StageSlots::backward_weight() {
  assert(!owed_chunks_.empty());
  backward_weight(owed_chunks_.front());
}

void StageSlots::backward_weight(std::int64_t chunk) {
  auto& queue = owed_[index(chunk)];
  assert(!queue.empty());
  add(PassKind::kBackwardWeight, chunk, queue.front());
  queue.pop_front();
  owed_chunks_.erase(std::find(owed_chunks_.begin(), owed_chunks_.end(), chunk));
}

void StageSlots::forward_and_backward(std::int64_t forward_chunk, std::int64_t backward_chunk, bool paired) {
  const std::size_t before = slots_.size();
  forward(forward_chunk);
  backward(backward_chunk);
  if (paired && slots_.size() == before + 2) slots_[before].with_next = true;
}

}  // namespace supernode
