#include "calibration/overlap_case.hpp"

#include <algorithm>
#include <cassert>

namespace supernode {

// While both run, each does 1/s of its work in a second. What is left to overlap after the first chunk of the one and
// before the last of the other is as long as the shorter; the rest of the longer goes on alone.
double implied_slowdown(const OverlapCase& measured) {
  assert(measured.compute.value() > 0 && measured.communication.value() > 0 && measured.chunks >= 2);
  const auto n = static_cast<double>(measured.chunks);
  const Seconds ends = measured.compute / n + measured.communication / n;
  const Seconds computing = measured.compute * ((n - 1) / n), sending = measured.communication * ((n - 1) / n);
  const Seconds both = min(computing, sending), alone = max(computing, sending) - both;
  return std::max(1.0, (measured.together - ends - alone) / both);
}

double core_share_slowdown(std::int64_t cores, std::int64_t held) {
  assert(held >= 0 && held < cores);
  return static_cast<double>(cores) / static_cast<double>(cores - held);
}

}  // namespace supernode
