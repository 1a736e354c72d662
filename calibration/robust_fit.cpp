#include "calibration/robust_fit.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "calibration/normal_equations.hpp"

namespace supernode {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

class Problem {
 public:
  Problem(const std::vector<FitParameter>& parameters, std::size_t rows, const Residuals& residuals, double huber)
      : parameters_(parameters), rows_(rows), residuals_(residuals), huber_(huber) {}

  VectorXd start() const {
    VectorXd x(size());
    for (int j = 0; j < size(); ++j) x[j] = std::log(parameters_[j].initial);
    return clamp(x);
  }
  VectorXd clamp(VectorXd x) const {
    for (int j = 0; j < size(); ++j) x[j] = std::clamp(x[j], lower(j), upper(j));
    return x;
  }
  VectorXd residuals(const VectorXd& x) const {
    std::vector<double> p(size());
    for (int j = 0; j < size(); ++j) p[j] = std::exp(x[j]);
    VectorXd r(rows_);
    residuals_(p, {r.data(), rows_});
    return r;
  }
  double loss(const VectorXd& x, const VectorXd& r) const {
    double sum = prior(x).squaredNorm() / 2;
    for (double e : r) {
      const double a = std::abs(e);
      sum += a <= huber_ ? a * a / 2 : huber_ * (a - huber_ / 2);
    }
    return sum;
  }
  VectorXd weights(const VectorXd& r) const {
    return r.unaryExpr([this](double e) { return std::abs(e) <= huber_ ? 1.0 : huber_ / std::abs(e); });
  }
  MatrixXd jacobian(const VectorXd& x, const VectorXd& r) const {
    constexpr double kStep = 1e-5;
    MatrixXd jacobian(rows_, size());
    for (int j = 0; j < size(); ++j) {
      VectorXd moved = x;
      const double step = x[j] + kStep <= upper(j) ? kStep : -kStep;
      moved[j] += step;
      jacobian.col(j) = (residuals(moved) - r) / step;
    }
    return jacobian;
  }
  // Scaled distance from the prior's centre.
  VectorXd prior(const VectorXd& x) const {
    VectorXd d(size());
    for (int j = 0; j < size(); ++j) d[j] = (x[j] - std::log(parameters_[j].initial)) * prior_weight(j);
    return d;
  }
  // A parameter at a bound that the descent direction would push through it stays there.
  bool held(int j, const VectorXd& x, double gradient) const {
    return (x[j] <= lower(j) && gradient > 0) || (x[j] >= upper(j) && gradient < 0);
  }
  double prior_weight(int j) const { return huber_ / parameters_[j].prior_spread; }
  int size() const { return static_cast<int>(parameters_.size()); }

 private:
  double lower(int j) const { return std::log(parameters_[j].lower); }
  double upper(int j) const { return std::log(parameters_[j].upper); }

  const std::vector<FitParameter>& parameters_;
  std::size_t rows_;
  const Residuals& residuals_;
  double huber_;
};

NormalEquations normal_equations(const Problem& problem, const VectorXd& x, const VectorXd& r) {
  const MatrixXd jacobian = problem.jacobian(x, r);
  const MatrixXd weighted = problem.weights(r).asDiagonal() * jacobian;
  NormalEquations normal{jacobian.transpose() * weighted, weighted.transpose() * r};
  const VectorXd prior = problem.prior(x);
  for (int j = 0; j < problem.size(); ++j) {
    normal.hessian(j, j) += problem.prior_weight(j) * problem.prior_weight(j);
    normal.gradient[j] += prior[j] * problem.prior_weight(j);
  }
  return normal;
}

// Variance of the residuals about the fit, by their median so that outliers do not count.
double residual_variance(const VectorXd& r) {
  std::vector<double> absolute;
  for (double e : r) absolute.push_back(std::abs(e));
  constexpr double kMedian = 1.4826;  // of a normal distribution
  return std::pow(kMedian * quantile(absolute, 0.5), 2);
}

void add_covariance(FitOutcome& outcome, const Problem& problem, const VectorXd& x, const VectorXd& r) {
  const MatrixXd jacobian = problem.jacobian(x, r);
  NormalEquations normal = normal_equations(problem, x, r);
  MatrixXd free = MatrixXd::Identity(problem.size(), problem.size());
  for (int j = 0; j < problem.size(); ++j) {
    if (!problem.held(j, x, normal.gradient[j])) continue;
    normal.hessian.row(j).setZero();
    normal.hessian.col(j).setZero();
    normal.hessian(j, j) = 1;
    free(j, j) = 0;
  }
  const MatrixXd inverse = normal.hessian.ldlt().solve(free) * free;
  const MatrixXd covariance = residual_variance(r) * inverse;
  outcome.covariance.assign(covariance.data(), covariance.data() + covariance.size());
  const double mean = (jacobian * covariance).cwiseProduct(jacobian).sum() / std::max<double>(1, r.size());
  outcome.prediction_deviation = std::sqrt(std::max(0.0, mean));
}

}  // namespace

FitOutcome robust_fit(const std::vector<FitParameter>& parameters, std::size_t rows, const Residuals& residuals,
                      const FitOptions& options) {
  for ([[maybe_unused]] const FitParameter& p : parameters) assert(p.lower > 0 && p.lower <= p.upper && p.initial > 0);
  const Problem problem(parameters, rows, residuals, options.huber);
  VectorXd x = problem.start();
  VectorXd r = problem.residuals(x);
  double loss = problem.loss(x, r);
  double damping = 1e-3;
  for (int i = 0; i < options.max_iterations && damping < 1e10; ++i) {
    const NormalEquations normal = normal_equations(problem, x, r);
    const auto held = [&](Eigen::Index j, double gradient) { return problem.held(static_cast<int>(j), x, gradient); };
    bool improved = false;
    bool converged = false;
    while (!improved && damping < 1e10) {
      const VectorXd trial = problem.clamp(x + damped_step(normal, held, damping));
      const VectorXd trial_r = problem.residuals(trial);
      const double trial_loss = problem.loss(trial, trial_r);
      improved = trial_loss < loss;
      damping = improved ? std::max(damping / 5, 1e-9) : damping * 4;
      if (!improved) continue;
      converged = loss - trial_loss < options.tolerance * loss;
      x = trial, r = trial_r, loss = trial_loss;
    }
    if (converged) break;
  }
  FitOutcome outcome;
  outcome.residuals.assign(r.begin(), r.end());
  outcome.loss = loss;
  for (double v : x) outcome.parameters.push_back(std::exp(v));
  if (options.covariance) add_covariance(outcome, problem, x, r);
  return outcome;
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (place - static_cast<double>(low)) * (values[high] - values[low]);
}

std::vector<double> relative_errors(std::span<const double> log_residuals) {
  std::vector<double> errors;
  for (double r : log_residuals) errors.push_back(std::abs(std::expm1(r)));
  return errors;
}

}  // namespace supernode
