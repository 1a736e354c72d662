#pragma once
// Fits what a communication library adds to the fabric (calibration/collective_protocol.hpp) to measured collectives.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/quantity.hpp"
#include "calibration/collective_protocol.hpp"

namespace supernode {

// One algorithm that the library may have taken for a measured collective, on the bare fabric.
struct ProtocolOption {
  std::string algorithm;
  std::int64_t steps = 1;  // messages that a rank posts one after another
  Seconds hops{}, wire{};  // link and switch latencies; the rest, without software
};

// One measured collective with what the bare fabric says about it.
struct ProtocolRow {
  std::vector<ProtocolOption> options;
  std::int64_t ranks = 2;
  Bytes block{};      // one rank's bytes or those to one peer: what limits of regimes are compared with
  double tokens = 0;  // of one rank, in an expert exchange
  Seconds measured{};
  int weight = 1;  // counts as so many rows
  std::string source;
};

// The regimes to fit for some algorithms.
struct RegimeFamily {
  std::vector<std::string> algorithms{};  // none: all that no other family names
  int regimes = 1;
  // Which times are fitted; the others are 0.
  bool launch = true, alpha = true, sync = false;
  double efficiency = 0;  // given, not fitted; 0 = fitted
};

struct ProtocolFitResult {
  ProtocolFit fit;
  double loss = 0;
  double median_abs_error = 0;  // of |predicted / measured - 1|
  double p90_abs_error = 0;
};

// The least over the options that the library runs and their regimes. `nvls` only where the switch reduces.
Seconds predict(const ProtocolFit& fit, const ProtocolRow& row);
struct PredictedTime {
  Seconds time{}, bandwidth{};  // in all; what bytes through ports, or tokens through the kernel, take of it
};
PredictedTime predict_parts(const ProtocolFit& fit, const ProtocolRow& row);

// Fits one operation in one scope. All parameters at once, by robust least squares on log time, from several starts; in
// a family of several regimes the first may get a limit, tried between each two neighbouring block sizes and kept where
// it lowers the loss by a tenth. Bounds: times [1 ns, 10 ms], efficiency [0.02, 1]. Rows with one value of `steps`
// determine only launch + steps·alpha; the split then stays near even. `token`: the time of a token is fitted too, else
// it is 0. Asserts that there are rows, that their times
// are positive and that each has an option that some family takes.
ProtocolFitResult fit_protocol(std::span<const ProtocolRow> rows, const std::vector<RegimeFamily>& families,
                               bool in_network_reduction = false, bool token = false);

// The text of a catalog/protocols/*.yaml that `bind` reads back.
std::string emit_protocol(const CollectiveProtocol& protocol);

}  // namespace supernode
