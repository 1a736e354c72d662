#pragma once
// A training software as the step sees it: what it adds to the chip's kernels and the system's collectives. Fitted on
// published training runs by tools/refit_software, one set per software, never per run (docs/models/software.md). Read
// from calibration/catalog/software/*.yaml. The default is neutral: a step of kernels and collectives alone.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.hpp"
#include "base/spec_reader.hpp"
#include "calibration/chip_spec.hpp"

namespace supernode {

// The fitted terms. The host's times are seconds, the others plain factors.
enum class SoftwareTerm {
  kHostForward,   // the host issues one operation of a step program, forward or recomputed
  kHostBackward,  // the same, backward
  kHostPass,      // and what a pass of a micro-batch costs it besides: the schedule, messages to other stages
  kHostStep,      // once a step the device waits for the host: data, reading back loss and gradient norm, logging
  kGemm,          // time of matrix products in a step over that of the chip's fit (one shape repeated on a cool chip)
  kAttention,     // the same for attention
  kVector,        // the same for memory-bound work
  kScaleUp,       // time of collectives in a step over that of the protocol, inside a scale-up domain
  kScaleOut,      // the same across scale-out
  kJitter,        // standard deviation of a rank's pass time over the mean pass
};
inline constexpr int kSoftwareTerms = 10;
std::string_view to_string(SoftwareTerm term);  // its key in YAML: "host_forward", …

struct SoftwareSpec {
  SoftwareSpec();  // neutral

  std::string name = "none";
  std::string description;
  std::string runs;                                   // what it was fitted from
  std::array<Sourced<double>, kSoftwareTerms> terms;  // SI
  // The host waits for a message between pipeline stages before it issues the pass behind it.
  bool synchronous_pipeline = true;
  // Standard deviation of ln(simulated / measured) that no term explains, by leave-one-group-out.
  double unexplained = 0;
  // Covariance of the logarithms of the terms in `fitted` (their keys), in that order.
  std::vector<SoftwareTerm> fitted;
  std::vector<std::vector<double>> covariance;

  double operator[](SoftwareTerm term) const { return terms[static_cast<std::size_t>(term)].value; }
  Sourced<double>& at(SoftwareTerm term) { return terms[static_cast<std::size_t>(term)]; }
};

void bind(SoftwareSpec& spec, SpecReader& reader);

// The software as it runs on the chip: matrix work at the clock that the chip sustains.
SoftwareSpec software_on_chip(SoftwareSpec software, const ChipSpec& chip);

// Of `ranks` that wait for one another the slowest takes about so many times the mean: 1 + jitter·sqrt(2 ln ranks), the
// expected maximum of as many normal deviates to first order.
double straggler_factor(double jitter, double ranks);

}  // namespace supernode
