#pragma once
// How far steps of a software lie from their simulation for reasons that no term explains.

#include <vector>

#include "calibration/software_fit.hpp"

namespace supernode {

// Of each row: what the fit without its group leaves, and the variance of ln(step) that kernels, collectives and the
// software's own terms account for.
struct SoftwareResiduals {
  std::vector<double> left_out;
  std::vector<double> explained;
};

inline constexpr int kNoGroup = -1;

// Standard deviation for which 90 % intervals, with what is explained in them, hold nine tenths of the software's rows:
// of its own rows, drawn to that of all the more the fewer they are. Rows of the group `without` do not count.
double unexplained(const std::vector<SoftwareFitRow>& rows, const SoftwareResiduals& residuals, int software,
                   int without = kNoGroup);

// By row: the whole spread of its prediction, its own group not counted.
std::vector<double> left_out_spread(const std::vector<SoftwareFitRow>& rows, const SoftwareResiduals& residuals);

}  // namespace supernode
