#include "sim/step_routes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace supernode {

StepRoutes::StepRoutes(const TimedProgram& program) : program_(program) {
  const auto stages = static_cast<std::int64_t>(program.stages.size());
  pieces_ = stages * program.chunks;
  stage_of_piece_.resize(static_cast<std::size_t>(pieces_));
  for (std::int64_t s = 0; s < stages; ++s)
    for (const std::int64_t piece : program.stages[static_cast<std::size_t>(s)].pieces)
      stage_of_piece_[static_cast<std::size_t>(piece)] = s;
}

std::int64_t StepRoutes::piece(std::int64_t stage, const Slot& slot) const {
  return program_.stages[static_cast<std::size_t>(stage)].pieces[static_cast<std::size_t>(slot.chunk)];
}

// The piece before (-1) or behind (+1) in the same chain; -1 at its ends.
std::int64_t StepRoutes::next_piece(std::int64_t own, std::int64_t step) const {
  const std::int64_t next = own + step;
  return next >= 0 && next / program_.chain_length == own / program_.chain_length ? next : -1;
}

std::int64_t StepRoutes::message(PassKind kind, std::int64_t into_piece, std::int64_t microbatch) const {
  const std::int64_t direction = kind == PassKind::kForward ? 0 : 1;
  return (direction * pieces_ + into_piece) * program_.microbatches + microbatch;
}

StepRoutes::End StepRoutes::received(std::int64_t stage, const Slot& slot) const {
  if (slot.kind == PassKind::kBackwardWeight) return {};
  const std::int64_t own = piece(stage, slot);
  const std::int64_t before = next_piece(own, slot.kind == PassKind::kForward ? -1 : 1);
  if (before < 0) return {};
  return {message(slot.kind, own, slot.microbatch), stage_of_piece_[static_cast<std::size_t>(before)]};
}

StepRoutes::End StepRoutes::sent(std::int64_t stage, const Slot& slot) const {
  if (slot.kind == PassKind::kBackwardWeight) return {};
  const std::int64_t next = next_piece(piece(stage, slot), slot.kind == PassKind::kForward ? 1 : -1);
  if (next < 0) return {};
  return {message(slot.kind, next, slot.microbatch), stage_of_piece_[static_cast<std::size_t>(next)]};
}

const TimedOp& StepRoutes::operation(std::int64_t from, std::int64_t to) const {
  const auto stages = static_cast<std::int64_t>(program_.stages.size());
  const std::int64_t earlier = (from + 1) % stages == to ? from : to;
  return program_.stages[static_cast<std::size_t>(earlier)].send_next;
}

std::string deadlock_text(const std::vector<std::int64_t>& stages) {
  return fmt::format("the step program is deadlocked: pipeline stages {} wait for passes that never run",
                     fmt::join(stages, " "));
}

}  // namespace supernode
