#pragma once
// How sure a collective's predicted time is: relative standard deviations, from how far rows that a fit has not seen
// lie from it (sim/protocol_validation). One for what latency decides, one for what bandwidth decides, and more for
// each doubling of the group beyond the groups that were measured.

#include <cstdint>
#include <string>

#include "base/spec_reader.hpp"

namespace supernode {

struct ProtocolDeviation {
  // Taken where nothing else is known (protocols written by hand).
  static constexpr double kUnknown = 0.15;
  // More where another system's fit stands in, of the same library and the same kind of ports (transfer in the docs).
  static constexpr double kTransfer = 0.15;

  Sourced<double> latency{kUnknown, {}, Confidence::kAssumed};    // where launch, messages and hops decide
  Sourced<double> bandwidth{kUnknown, {}, Confidence::kAssumed};  // where bytes through ports decide
  Sourced<double> per_doubling{};                                 // of the ranks, beyond the measured groups
  std::int64_t least_ranks = 0, most_ranks = 0;                   // the measured groups; 0: not known, taken as any

  // `share`: of the time, what bandwidth decides [0, 1].
  double relative(double share, std::int64_t ranks) const;
};

void bind(ProtocolDeviation& deviation, SpecReader& reader);

// A flow map that `bind` reads back, and a newline.
std::string emit_deviation(const ProtocolDeviation& deviation);

}  // namespace supernode
