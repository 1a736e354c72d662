#pragma once
// A timed pass made ready to run many times: neighbouring compute operations become one segment.

#include <vector>

#include "sim/step_engine.hpp"

namespace supernode {

// What the compute stream does next: compute for a while, or one communication or wait operation.
struct PassStep {
  bool is_compute = false;
  Seconds time{};          // of the segment
  std::int32_t first = 0;  // operations [first, last) of the pass
  std::int32_t last = 0;
};

struct CompiledPass {
  const TimedPass* ops = nullptr;
  std::vector<PassStep> steps;
};

CompiledPass compile_pass(const TimedPass& ops);

}  // namespace supernode
