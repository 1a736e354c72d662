#pragma once
// Fits the seven numbers of a system's memory access (calibration/memory_access.hpp) to measured loads and stores.

#include <span>

#include "calibration/memory_access.hpp"
#include "calibration/memory_trace.hpp"

namespace supernode {

// A measured row with what the fabric says about its path.
struct MemoryRow {
  MemoryTraceRow trace;
  Seconds hops{};
  BytesPerSecond port{};  // the narrower of the two
};

// The row's own measure, time or bandwidth, predicted over measured.
double predicted_over_measured(const MemoryAccess& access, const MemoryRow& row);

// Robust least squares on the logarithm of each row's measure. Asserts that there are rows of either kind of memory and
// access, with times and with bandwidths.
MemoryAccess fit_memory_access(std::span<const MemoryRow> rows);

}  // namespace supernode
