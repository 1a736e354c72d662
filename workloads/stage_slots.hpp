#pragma once
// Writes down the passes of one stage in order. Micro-batches of each chunk are numbered as they come, forward and
// backward apart; a weight half takes up the oldest input half whose weights are still owed.

#include <cstdint>
#include <deque>
#include <vector>

#include "workloads/step_program.hpp"

namespace supernode {

class StageSlots {
 public:
  // A pass of a micro-batch beyond `microbatches` is left out, so that a schedule may be written for more than it gets.
  StageSlots(std::int64_t chunks, std::int64_t microbatches)
      : microbatches_(microbatches), forward_(chunks, 0), backward_(chunks, 0), owed_(chunks) {}

  void forward(std::int64_t chunk = 0);
  void backward(std::int64_t chunk = 0);        // whole
  void backward_input(std::int64_t chunk = 0);  // owes its weight half
  void backward_weight();                       // the oldest one owed by any chunk
  void backward_weight(std::int64_t chunk);     // the oldest one owed by this chunk
  // A forward and a whole backward pass, at the same time if `paired`.
  void forward_and_backward(std::int64_t forward_chunk, std::int64_t backward_chunk, bool paired);

  std::int64_t forwards(std::int64_t chunk = 0) const { return forward_[index(chunk)]; }
  std::int64_t backwards(std::int64_t chunk = 0) const { return backward_[index(chunk)]; }
  std::int64_t owed(std::int64_t chunk = 0) const { return std::ssize(owed_[index(chunk)]); }
  std::vector<Slot> take() { return std::move(slots_); }

 private:
  static std::size_t index(std::int64_t chunk) { return static_cast<std::size_t>(chunk); }
  void add(PassKind kind, std::int64_t chunk, std::int64_t microbatch);

  std::int64_t microbatches_;
  std::vector<std::int64_t> forward_, backward_;  // passes so far, by chunk
  std::vector<std::deque<std::int64_t>> owed_;    // micro-batches, by chunk
  std::deque<std::int64_t> owed_chunks_;          // chunks, in the order in which they came to owe
  std::vector<Slot> slots_;
};

}  // namespace supernode
