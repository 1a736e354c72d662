#pragma once
// Gathers the slices of a step's trace, where one is asked for; both step engines write theirs with it.

#include <string>
#include <vector>

#include "sim/step_compile.hpp"
#include "sim/step_engine.hpp"

namespace supernode {

class StepTrace {
 public:
  StepTrace(const TimedProgram& program, const StepOptions& options) : program_(program), options_(options) {}

  bool on() const { return options_.trace; }
  // Are single operations of the pass traced?
  bool detail(const Slot& slot) const { return on() && slot.microbatch < options_.trace_detail_microbatches; }
  void pass(std::int32_t stage, int thread, const Slot& slot, Seconds start, Seconds end);
  void epilogue(std::int32_t stage, Seconds start, Seconds end);
  void communication(std::int32_t stage, const TimedOp& op, Seconds start, Seconds end);
  // The operations of a segment side by side, stretched together where communication or stragglers slowed them.
  void segment(std::int32_t stage, int thread, const CompiledPass& pass, const PassStep& step, Seconds start,
               Seconds end);

  std::vector<TraceSlice> take() { return std::move(slices_); }

 private:
  void add(std::int32_t stage, int stream, std::string name, Seconds start, Seconds end);
  const std::string& name_of(const TimedOp& op) const { return program_.names[static_cast<std::size_t>(op.name)]; }

  const TimedProgram& program_;
  const StepOptions& options_;
  std::vector<TraceSlice> slices_;
};

}  // namespace supernode
