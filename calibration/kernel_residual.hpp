#pragma once
// What the traces say beyond the fitted curve of a class: a smooth correction of ln time over ln shape, a sum of
// Gaussian bumps. It is the mean of a Gaussian process (Rasmussen and Williams 2006, chapter 8.3.1: a subset of
// regressors) conditioned on ln(measured/predicted), so it vanishes away from the traces.

#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/kernel.hpp"

namespace supernode {

// ln of the sizes in which two kernels of a class lie near one another: m, n, k, groups of a GEMM; units, rows, keys,
// width of attention; bytes of vector work.
using ShapePoint = std::array<double, 4>;
ShapePoint shape_point(const Kernel& kernel);

struct Correction {
  double log_factor = 0;  // to be added to ln time
  double closeness = 0;   // 0 far from every trace, 1 at one
};

struct ResidualModel {
  struct Bump {
    ShapePoint at{};
    double weight = 0;
  };
  double length = 1;  // standard deviation of a bump, in ln size
  std::vector<Bump> bumps;

  Correction at(const ShapePoint& point) const;
};

// By class: "gemm.bf16", "gemm.dgrad", "attention.forward.fp8".
using ResidualModels = std::map<std::string, ResidualModel>;

// A row of the fit: where it lies, its ln(measured/predicted), and the share of the measured time that the kernel to be
// corrected takes (less than 1 when a neighbour was timed along).
struct ResidualRow {
  ShapePoint at{};
  double residual = 0;
  double share = 1;
};

struct ResidualFit {
  ResidualModel model;  // no bumps where it would not help
  double before = 0;    // robust spread of the residuals without it
  double held_out = 0;  // and with it, on shapes that it has not seen
};

// Chooses length and smoothness by cross-validation that leaves out whole shapes (all rows equal but in their first
// axis). Deterministic.
ResidualFit fit_residuals(const std::vector<ResidualRow>& rows);

// Robust standard deviation about zero: the wider of that by the median and that by the 90th percentile.
double robust_spread(const std::vector<double>& residuals);

}  // namespace supernode
