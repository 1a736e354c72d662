#pragma once
// One operation in one scope of a library, from measured calls: as much of its fit as they determine.

#include <cstdint>
#include <optional>
#include <vector>

#include "calibration/library_algorithms.hpp"
#include "calibration/protocol_fit.hpp"
#include "sim/protocol_samples.hpp"

namespace supernode {

// A measured call, and the same as what the fit sees of it.
struct MeasuredCall {
  ProtocolSample sample;
  ProtocolRow row;
};
using MeasuredCalls = std::vector<MeasuredCall>;

struct OperationFit {
  ProtocolFit fit;
  double median_error = 0, p90_error = 0;  // of the same calls
  bool rate_only = false;
};

// Three rows or more, of sizes or groups a factor 8 apart: launch, message and rate can be told apart.
bool determine_all(const MeasuredCalls& calls);

// All parameters. In-network reduction where the library lists it, or where a row is faster than any other algorithm
// could be on the bare fabric. Asserts that there are calls.
OperationFit fit_operation(const MeasuredCalls& calls, const LibraryAlgorithms& library);

// Kernels made for decoding. `throughput`: the fit of the throughput kernels over the same ports, whose rate it takes
// where the calls are of one size; may be null.
OperationFit fit_low_latency(const MeasuredCalls& calls, const ProtocolFit* throughput);

// Latencies from `base`, another operation's or another system's fit; only the efficiency from the calls that bandwidth
// decides, all regimes by one factor. Absent when there are none.
std::optional<OperationFit> fit_rate(const MeasuredCalls& calls, const ProtocolFit& base);

}  // namespace supernode
