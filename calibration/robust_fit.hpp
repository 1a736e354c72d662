#pragma once
// Bounded, robust, deterministic least squares for small models with positive parameters.
//
// Minimises  sum_i huber(r_i(p)) + (h^2/2) sum_j ((ln p_j - ln prior_j) / prior_spread_j)^2  over lower <= p <= upper,
// where h is the Huber threshold (a parameter one spread away weighs as much as one row that is off by h), by
// Levenberg-Marquardt in ln p with iteratively reweighted residuals (Huber 1964) and an active set at the bounds. The
// Jacobian is by forward differences. The weak prior keeps parameters that the data do not determine where they began.

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace supernode {

struct FitParameter {
  std::string name;
  double initial = 1;  // also the centre of the prior
  double lower = 0;    // > 0
  double upper = 0;
  double prior_spread = 30;  // in ln p; 30 is hardly a prior at all
};

struct FitOptions {
  int max_iterations = 200;
  double tolerance = 1e-10;  // ends when a step lowers the loss by less than this share
  double huber = 0.15;       // residuals (log errors) beyond this count linearly
  bool covariance = false;   // also computed
};

// Fills one residual per row for the given parameter values.
using Residuals = std::function<void(std::span<const double> parameters, std::span<double> residuals)>;

struct FitOutcome {
  std::vector<double> parameters;
  std::vector<double> residuals;
  double loss = 0;
  // Of ln p, row by row: the spread of the residuals squared times the inverse of the Gauss-Newton matrix at the
  // optimum (prior included). A parameter held at a bound has none.
  std::vector<double> covariance;
  // Root mean square over the rows of what that covariance makes of a prediction's ln.
  double prediction_deviation = 0;
};

FitOutcome robust_fit(const std::vector<FitParameter>& parameters, std::size_t rows, const Residuals& residuals,
                      const FitOptions& options = {});

// The q-quantile (0..1) of the values, linear between order statistics; 0 when there are none.
double quantile(std::vector<double> values, double q);

// |exp(r) - 1| of each log residual r: the relative error it stands for.
std::vector<double> relative_errors(std::span<const double> log_residuals);

}  // namespace supernode
