#pragma once
// Measured collectives predicted by the catalogue: systems and communication libraries by the names in the rows.

#include <vector>

#include "calibration/collective_trace.hpp"
#include "sim/protocol_prediction.hpp"

namespace supernode {

// One a row, in the trace's order. A system without a library of its own takes the closest one's
// (scenarios/protocol_choice); a row that names no catalogued system is skipped.
std::vector<CollectivePrediction> predict_by_catalogue(const std::vector<CollectiveTraceRow>& rows);

}  // namespace supernode
