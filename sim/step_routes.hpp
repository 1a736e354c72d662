#pragma once
// Which messages pass between the stages of a step: who sends to whom, over whose boundary.

#include <string>
#include <vector>

#include "sim/step_engine.hpp"

namespace supernode {

class StepRoutes {
 public:
  explicit StepRoutes(const TimedProgram& program);

  std::size_t messages() const { return static_cast<std::size_t>(2 * pieces_ * program_.microbatches); }

  // A pass's place in its chain.
  struct End {
    std::int64_t message = -1;  // of the step, -1 for none
    std::int64_t stage = -1;    // at its other end
    bool exists() const { return message >= 0; }
  };
  End received(std::int64_t stage, const Slot& slot) const;  // what the pass waits for
  End sent(std::int64_t stage, const Slot& slot) const;      // what it sends when it ends
  // The operation that carries a message between neighbours: the boundary has one cost in both directions, that of the
  // earlier one's send (wrapping).
  const TimedOp& operation(std::int64_t from, std::int64_t to) const;

 private:
  std::int64_t piece(std::int64_t stage, const Slot& slot) const;
  std::int64_t next_piece(std::int64_t own, std::int64_t step) const;
  std::int64_t message(PassKind kind, std::int64_t into_piece, std::int64_t microbatch) const;

  const TimedProgram& program_;
  std::int64_t pieces_ = 0;
  std::vector<std::int64_t> stage_of_piece_;
};

// What a deadlocked program is told: which stages never came to their end.
std::string deadlock_text(const std::vector<std::int64_t>& stages);

}  // namespace supernode
