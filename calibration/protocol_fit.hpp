#pragma once
// Fits what a communication library adds to the fabric (calibration/collective_protocol.hpp) to measured collectives.

#include <cstdint>
#include <span>
#include <string>

#include "base/collective.hpp"
#include "base/quantity.hpp"
#include "calibration/collective_protocol.hpp"

namespace supernode {

// One measured collective with what the bare fabric says about it.
struct ProtocolRow {
  CollectiveOp op = CollectiveOp::kAllReduce;
  bool scale_out = false;  // the group's traffic crosses the scale-out plane
  std::int64_t steps = 1;  // messages that a rank posts one after another
  Seconds wire{};          // on the bare fabric, without software and without hop latencies
  Bytes chunk{};           // what a rank sends to one peer in the whole operation, on average
  Seconds measured{};      // without hop latencies
  std::string source;
};

struct ProtocolFitResult {
  ProtocolFit fit;
  double median_abs_error = 0;  // of |predicted / measured - 1|
  double p90_abs_error = 0;
  std::int64_t rows = 0;
};

// launch + steps·alpha + wire / (e_max · chunk / (chunk + half)).
Seconds predict(const ProtocolFit& fit, std::int64_t steps, Seconds wire, Bytes chunk);

// Fits one operation in one scope: the rows should be alike in both. Huber loss on log time, bounds launch and alpha in
// [1 ns, 10 ms], efficiency in [0.02, 1], half in [1 B, 1 GiB]. With one value of `steps` in all rows only
// launch + steps·alpha is determined; the split then stays near even. Likewise half_size adds the constant
// half / (e_max · wire rate), which only rows of unlike wire rates tell from launch. Asserts that there are rows and
// that their times are positive.
ProtocolFitResult fit_protocol(std::span<const ProtocolRow> rows);

// The text of a catalog/protocols/*.yaml that `bind` reads back.
std::string emit_protocol(const CollectiveProtocol& protocol);

}  // namespace supernode
