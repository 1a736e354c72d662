#pragma once
// Measured collectives predicted: each row of a trace as a call over the system's fabric, at the library's cost.

#include <cstddef>
#include <string>
#include <vector>

#include "calibration/collective_protocol.hpp"
#include "calibration/collective_trace.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

struct CollectivePrediction {
  std::size_t row = 0;  // in the trace
  std::string key;      // the fit's: "scale_up.all_reduce"
  Seconds measured{}, predicted{};
  std::string algorithm;
  double ratio() const { return predicted / measured; }
};

// In the trace's order; rows of other systems and rows that lack what a prediction needs (sim/protocol_samples) are
// left out.
std::vector<CollectivePrediction> predict_collectives(const SystemSpec& system, const CollectiveProtocol& protocol,
                                                      const std::vector<CollectiveTraceRow>& rows);

}  // namespace supernode
