#pragma once
// How far a fit is from calls that it has not seen, and what deviation follows for its predictions.

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "calibration/protocol_deviation.hpp"
#include "sim/protocol_operation.hpp"

namespace supernode {

// What was left out together: every fifth of the distinct sizes; all calls of one source; all of one group size.
enum class LeftOut { kSizes, kSource, kRanks };

struct UnseenCall {
  CollectiveOp op = CollectiveOp::kAllReduce;
  Bytes bytes{};  // of the call
  LeftOut left_out = LeftOut::kSizes;
  double log_error = 0;  // ln(predicted / measured)
  double deviation = 0;  // of the prediction, relative, by the deviation that follows
  double share = 0;      // of the predicted time, what bandwidth decides
  double doublings = 0;  // of the group, from the nearest that the fit has seen, where it is beyond them all
};

// Makes the fit again without some of the calls; nothing where what is left does not determine it.
using Refit = std::function<std::optional<ProtocolFit>(const MeasuredCalls& calls)>;

// Each call once for each way in which it can be left out.
std::vector<UnseenCall> unseen_calls(const MeasuredCalls& calls, const Refit& refit);

// The standard deviations that hold nine tenths of the unseen calls within 1.645 of them, latency and bandwidth apart
// where either has three calls or more, never below kLeast; for a group beyond the measured ones, what is missing to
// that where such calls were left out (a source may be the only one of a group), else kPerDoubling. Fills the
// deviations of the unseen calls.
struct DeviationRule {
  static constexpr double kLeast = 0.03;
  static constexpr double kPerDoubling = 0.05;
};
ProtocolDeviation deviation_of(const MeasuredCalls& calls, std::vector<UnseenCall>& unseen);

}  // namespace supernode
