#pragma once
// A schedule's timeline as text: a row a stage, a cell a pass, to scale.

#include <cstdint>
#include <string>

#include "workloads/schedule_timeline.hpp"

namespace supernode {

struct DrawingOptions {
  std::int64_t width = 80;    // columns; what does not fit goes on below
  std::int64_t windows = 12;  // at most so many times below; 0 = all
};

// "F3", "B3" and "W3" are the forward, backward and weight passes of micro-batch 3 (a B with a W of its own is the
// input half, a B without one is whole); "F3b" goes through the stage's second chunk; "F3+B1" is a pair.
std::string draw_schedule(const ScheduleTimeline& timeline, std::int64_t chunks, const DrawingOptions& options);

}  // namespace supernode
