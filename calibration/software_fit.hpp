#pragma once
// Fits all training software at once, and with it the clock that each chip sustains, to how long published steps took
// (docs/models/software.md). What a step takes for given terms the caller tells; how is not known here.
//
// Each term of each software is pulled towards the mean of all software, each chip's clock towards that of its family
// and the family's towards the mean of all: a software with two rows stays near the mean, one with none is the mean.
// Rows of one group (a source's runs of one model) resemble one another: n of them weigh as sqrt(n).

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "calibration/pooled_fit.hpp"
#include "calibration/software_spec.hpp"

namespace supernode {

struct SoftwareFitRow {
  int software = 0, chip = 0, group = 0;
};

// What a row is simulated with: a software, and the share of its matrix rates that the chip sustains.
struct SoftwareTrial {
  std::size_t row = 0;
  std::array<double, kSoftwareTerms> terms{};
  double sustained = 1;
};

struct SoftwareFitInput {
  std::vector<std::string> software;  // names
  std::vector<std::string> chips;
  std::vector<std::string> families;  // by chip
  std::vector<SoftwareFitRow> rows;
  std::function<std::vector<double>(const std::vector<SoftwareTrial>& trials)> residuals;  // ln(simulated / measured)
  std::vector<double> cost_variance;  // by row: of ln(simulated), by its kernels' and collectives' deviations; none: 0
};

struct SustainedClock {
  double value = 1, deviation = 0;  // of its logarithm
  std::int64_t rows = 0;
};

struct SoftwareFit {
  // Terms, their covariance, `unexplained`; sources say how many rows. The covariance of terms of matrix work is theirs
  // over the clocks of the chips that the rows ran on, which is what the rows tell.
  std::vector<SoftwareSpec> software;
  SoftwareSpec mean;
  std::vector<SustainedClock> sustained;  // by chip
  std::vector<double> residuals;          // by row
  std::vector<double> left_out;           // by row, of the fit without its group
  std::vector<double> left_out_spread;    // by row: standard deviation of ln(simulated), told without its group
  int iterations = 0;
};

SoftwareFit fit_software(const SoftwareFitInput& input);

// `base` (what is not fitted) with the trial's terms, those of matrix work at the trial's clock.
SoftwareSpec trial_software(const SoftwareTrial& trial, SoftwareSpec base = {});

}  // namespace supernode
