#include "sim/step_trace.hpp"

#include <fmt/format.h>

namespace supernode {

void StepTrace::add(std::int32_t stage, int stream, std::string name, Seconds start, Seconds end) {
  if (end > start) slices_.push_back({stage, stream, std::move(name), start, end});
}

void StepTrace::pass(std::int32_t stage, int thread, const Slot& slot, Seconds start, Seconds end) {
  if (!on()) return;
  add(stage, thread, fmt::format("{} micro-batch {} chunk {}", to_string(slot.kind), slot.microbatch, slot.chunk),
      start, end);
}

void StepTrace::epilogue(std::int32_t stage, Seconds start, Seconds end) {
  if (on()) add(stage, kPassStream, "gradient reduction and optimizer", start, end);
}

void StepTrace::communication(std::int32_t stage, const TimedOp& op, Seconds start, Seconds end) {
  if (on()) add(stage, kFirstCommStream + static_cast<int>(op.comm_class), name_of(op), start, end);
}

void StepTrace::segment(std::int32_t stage, int thread, const CompiledPass& pass, const PassStep& step, Seconds start,
                        Seconds end) {
  Seconds nominal{};
  for (std::int32_t i = step.first; i < step.last; ++i) nominal += (*pass.ops)[static_cast<std::size_t>(i)].time;
  const double stretch = (end - start) / nominal;
  for (std::int32_t i = step.first; i < step.last; ++i) {
    const TimedOp& op = (*pass.ops)[static_cast<std::size_t>(i)];
    const Seconds next = start + op.time * stretch;
    add(stage, thread, name_of(op), start, next);
    start = next;
  }
}

}  // namespace supernode
