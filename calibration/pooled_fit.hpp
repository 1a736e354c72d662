#pragma once
// Robust least squares over many sets of the same parameters, each pulled towards the mean of all: partial pooling.
//
// Minimises  sum_i w_i huber(r_i / s)  +  1/2 sum_j ((x_j - c_j) / t_j)^2  over lower <= x <= upper, where x are
// logarithms of the parameters, c_j is a constant or another parameter (the mean that a set is drawn from), t_j how far
// a set lies from its mean (one standard deviation), s the standard deviation of a row. By Levenberg-Marquardt with
// iteratively reweighted rows (Huber 1964) and an active set at the bounds. A residual is dear: derivatives are taken
// by forward differences once a descent, of each row by its own parameters only, and corrected by every step (Broyden
// 1965). The inverse of the Hessian at the optimum is the covariance (Laplace's approximation). Hierarchical models:
// Gelman and Hill, Data Analysis Using Regression and Multilevel Models (2007), chapter 12.

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace supernode {

struct PooledParameter {
  std::string name;
  double centre = 0;  // of the prior, where it has no parent; also where the search begins
  int parent = -1;    // an earlier parameter that is the centre instead
  double spread = 1;
  double lower = -40, upper = 40;
};

struct PooledRow {
  std::vector<int> parameters;  // the row depends on
  double weight = 1;
  int group = 0;  // rows of one group are left out together
};

// The residuals ln(simulated / measured) of many rows, each for its own values of its parameters, in their order.
struct PooledQuery {
  std::size_t row = 0;
  std::vector<double> values;  // logarithms
};
using PooledResiduals = std::function<std::vector<double>(const std::vector<PooledQuery>& queries)>;

struct PooledProblem {
  std::vector<PooledParameter> parameters;
  std::vector<PooledRow> rows;
  PooledResiduals residuals;
  double huber = 0.15;       // residuals beyond count linearly
  double row_spread = 0.12;  // s
  int max_iterations = 60;
  // A step that lowers the loss by less than this share ends a descent, a descent by twice it the fit.
  double tolerance = 1e-4;
};

struct PooledFit {
  std::vector<double> x;          // by parameter
  std::vector<double> residuals;  // by row
  std::vector<std::vector<double>> covariance;
  std::vector<std::vector<double>> derivatives;  // of each row's residual by its own parameters
  double loss = 0;
  int iterations = 0;
};

PooledFit fit_pooled(const PooledProblem& problem);

// Each row's residual for a fit without any row of its group: the optimum to first order from the whole fit, corrected
// by simulating there the rows whose parameters moved far.
std::vector<double> leave_groups_out(const PooledProblem& problem, const PooledFit& fit);

}  // namespace supernode
