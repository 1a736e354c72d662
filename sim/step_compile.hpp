#pragma once
// A timed pass made ready to run many times: neighbouring compute operations become one segment.

#include <array>
#include <vector>

#include "sim/step_engine.hpp"

namespace supernode {

// What the compute stream does next: compute for a while, or one communication or wait operation.
//
// The host issues operations one after another, operation i from H + Σ_{j<i} host_j to H + Σ_{j<=i} host_j, and none
// starts before it is issued. A segment of kernels that take t_i and may start at T so ends at
//   max(T + Σ t, max_i(H + Σ_{j<=i} host_j + Σ_{j>=i} t_j)) = Σ t + max(T, H + lead),
//   lead = max_i(Σ_{j<=i} host_j - Σ_{j<i} t_j):
// the gaps between its kernels are as long as one wait for the host before it.
struct PassStep {
  bool is_compute = false;
  Seconds time{};          // of the segment, stragglers included
  Seconds host{};          // that the host takes to issue it
  Seconds lead{};          // see above; of one operation: its host
  std::int32_t first = 0;  // operations [first, last) of the pass
  std::int32_t last = 0;
};

struct CompiledPass {
  const TimedPass* ops = nullptr;
  std::vector<PassStep> steps;
  std::array<Seconds, kComputeClasses> compute{};  // in all, without stragglers
  Seconds recompute{};                             // of which recomputation

  const TimedOp& op(const PassStep& step) const { return (*ops)[static_cast<std::size_t>(step.first)]; }
};

// Computation takes `straggler_factor` times its time.
CompiledPass compile_pass(const TimedPass& ops, double straggler_factor);

}  // namespace supernode
