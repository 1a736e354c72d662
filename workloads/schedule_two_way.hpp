#pragma once
// What DualPipe and DualPipeV have in common: a stage holds a chunk of each of two streams of micro-batches that meet
// head on, and in the steady state each forward pass of one runs beside a backward pass of the other
// (DeepSeek-V3, arXiv 2412.19437, section 3.2.1 and figure 5; deepseek-ai/DualPipe).

#include <cstdint>
#include <vector>

#include "workloads/step_program.hpp"

namespace supernode {

// One stage's place between the end where its `near` stream begins (`before` stages nearer to it) and the place where
// the streams meet (`behind` stages nearer to that).
struct TwoWayPlace {
  std::int64_t before = 0, behind = 0;
  std::int64_t near = 0, far = 1;  // chunks
};

// `microbatches` of each stream, at least 2·(before + 1 + behind).
std::vector<Slot> two_way_order(const TwoWayPlace& place, std::int64_t microbatches, bool paired);

}  // namespace supernode
