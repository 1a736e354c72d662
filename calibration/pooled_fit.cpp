#include "calibration/pooled_fit.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <set>

#include "calibration/normal_equations.hpp"

namespace supernode {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kStep = 1e-3;  // of a logarithm, for derivatives
constexpr int kMostDescents = 2;

class Solver {
 public:
  explicit Solver(const PooledProblem& problem) : problem_(problem), left_out_(-1) {}
  void leave_out(int group) { left_out_ = group; }

  VectorXd start() const;
  std::vector<double> residuals(const VectorXd& x, const std::vector<bool>* wanted = nullptr) const;
  std::vector<std::vector<double>> derivatives(const VectorXd& x, const std::vector<double>& at) const;
  double loss(const VectorXd& x, const std::vector<double>& r) const;
  NormalEquations normal(const VectorXd& x, const std::vector<double>& r,
                         const std::vector<std::vector<double>>& d) const;
  VectorXd step(const VectorXd& x, const NormalEquations& normal, double damping) const;
  VectorXd clamp(VectorXd x) const;

 private:
  double weight(std::size_t i, double r) const;
  PooledQuery query(std::size_t row, const VectorXd& x) const;
  void add_priors(const VectorXd& x, NormalEquations& out) const;
  double off_centre(std::size_t j, const VectorXd& x) const;
  const PooledParameter& parameter(Eigen::Index j) const { return problem_.parameters[static_cast<std::size_t>(j)]; }

  const PooledProblem& problem_;
  int left_out_;
};

VectorXd Solver::start() const {
  VectorXd x(static_cast<Eigen::Index>(problem_.parameters.size()));
  for (Eigen::Index j = 0; j < x.size(); ++j) {
    const PooledParameter& p = parameter(j);
    assert(p.parent < j && p.spread > 0 && p.lower <= p.upper);
    x[j] = p.parent >= 0 ? x[p.parent] : p.centre;
  }
  return clamp(x);
}

VectorXd Solver::clamp(VectorXd x) const {
  for (Eigen::Index j = 0; j < x.size(); ++j) x[j] = std::clamp(x[j], parameter(j).lower, parameter(j).upper);
  return x;
}

PooledQuery Solver::query(std::size_t row, const VectorXd& x) const {
  PooledQuery out{row, {}};
  for (int j : problem_.rows[row].parameters) out.values.push_back(x[j]);
  return out;
}

std::vector<double> Solver::residuals(const VectorXd& x, const std::vector<bool>* wanted) const {
  std::vector<PooledQuery> queries;
  for (std::size_t i = 0; i < problem_.rows.size(); ++i)
    if (!wanted || (*wanted)[i]) queries.push_back(query(i, x));
  const std::vector<double> answers = problem_.residuals(queries);
  std::vector<double> out(problem_.rows.size());
  for (std::size_t q = 0; q < queries.size(); ++q) out[queries[q].row] = answers[q];
  return out;
}

std::vector<std::vector<double>> Solver::derivatives(const VectorXd& x, const std::vector<double>& at) const {
  std::vector<PooledQuery> queries;
  for (std::size_t i = 0; i < problem_.rows.size(); ++i)
    for (std::size_t k = 0; k < problem_.rows[i].parameters.size(); ++k) {
      queries.push_back(query(i, x));
      queries.back().values[k] += kStep;
    }
  const std::vector<double> answers = problem_.residuals(queries);
  std::vector<std::vector<double>> out(problem_.rows.size());
  for (std::size_t q = 0; q < queries.size(); ++q)
    out[queries[q].row].push_back((answers[q] - at[queries[q].row]) / kStep);
  return out;
}

double Solver::off_centre(std::size_t j, const VectorXd& x) const {
  const PooledParameter& p = problem_.parameters[j];
  return (x[static_cast<Eigen::Index>(j)] - (p.parent >= 0 ? x[p.parent] : p.centre)) / p.spread;
}

double Solver::loss(const VectorXd& x, const std::vector<double>& r) const {
  const double scale = problem_.row_spread * problem_.row_spread, h = problem_.huber;
  double sum = 0;
  for (std::size_t i = 0; i < r.size(); ++i) {
    if (problem_.rows[i].group == left_out_) continue;
    const double a = std::abs(r[i]);
    sum += problem_.rows[i].weight * (a <= h ? a * a / 2 : h * (a - h / 2)) / scale;
  }
  for (std::size_t j = 0; j < problem_.parameters.size(); ++j) sum += std::pow(off_centre(j, x), 2) / 2;
  return sum;
}

double Solver::weight(std::size_t i, double r) const {
  if (problem_.rows[i].group == left_out_) return 0;
  const double robust = std::abs(r) <= problem_.huber ? 1 : problem_.huber / std::abs(r);
  return problem_.rows[i].weight * robust / (problem_.row_spread * problem_.row_spread);
}

void Solver::add_priors(const VectorXd& x, NormalEquations& out) const {
  for (std::size_t j = 0; j < problem_.parameters.size(); ++j) {
    const PooledParameter& p = problem_.parameters[j];
    const double stiffness = 1 / (p.spread * p.spread), pull = off_centre(j, x) / p.spread;
    const auto k = static_cast<Eigen::Index>(j);
    out.hessian(k, k) += stiffness;
    out.gradient[k] += pull;
    if (p.parent < 0) continue;
    out.hessian(p.parent, p.parent) += stiffness;
    out.hessian(k, p.parent) -= stiffness;
    out.hessian(p.parent, k) -= stiffness;
    out.gradient[p.parent] -= pull;
  }
}

NormalEquations Solver::normal(const VectorXd& x, const std::vector<double>& r,
                               const std::vector<std::vector<double>>& d) const {
  const auto n = x.size();
  NormalEquations out{MatrixXd::Zero(n, n), VectorXd::Zero(n)};
  for (std::size_t i = 0; i < r.size(); ++i) {
    const double w = weight(i, r[i]);
    const auto& own = problem_.rows[i].parameters;
    for (std::size_t a = 0; a < own.size() && w > 0; ++a) {
      out.gradient[own[a]] += w * d[i][a] * r[i];
      for (std::size_t b = 0; b < own.size(); ++b) out.hessian(own[a], own[b]) += w * d[i][a] * d[i][b];
    }
  }
  add_priors(x, out);
  return out;
}

// A parameter at a bound that the descent would push through stays there.
VectorXd Solver::step(const VectorXd& x, const NormalEquations& normal, double damping) const {
  const auto held = [&](Eigen::Index j, double gradient) {
    return (x[j] <= parameter(j).lower && gradient > 0) || (x[j] >= parameter(j).upper && gradient < 0);
  };
  return damped_step(normal, held, damping);
}

std::vector<std::vector<double>> rows_of(const MatrixXd& matrix) {
  std::vector<std::vector<double>> out;
  for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
    const VectorXd row = matrix.row(i);
    out.emplace_back(row.begin(), row.end());
  }
  return out;
}

PooledFit finish(const Solver& solver, const VectorXd& x, PooledFit fit) {
  const MatrixXd hessian = solver.normal(x, fit.residuals, fit.derivatives).hessian;
  fit.covariance = rows_of(hessian.ldlt().solve(MatrixXd::Identity(x.size(), x.size())));
  fit.x.assign(x.begin(), x.end());
  return fit;
}

// Residuals of a model that is linear around `at`, where they were simulated.
std::vector<double> first_order(const PooledProblem& problem, const std::vector<std::vector<double>>& derivatives,
                                const VectorXd& at, const std::vector<double>& residuals, const VectorXd& x) {
  std::vector<double> out = residuals;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto& own = problem.rows[i].parameters;
    for (std::size_t k = 0; k < own.size(); ++k) out[i] += derivatives[i][k] * (x[own[k]] - at[own[k]]);
  }
  return out;
}

// The optimum of the linear model from `at`: the robust weights need a few steps to settle.
VectorXd linear_optimum(const PooledProblem& problem, const Solver& solver, const PooledFit& fit, const VectorXd& at,
                        const std::vector<double>& residuals) {
  constexpr int kSteps = 8;
  VectorXd x = at;
  for (int i = 0; i < kSteps; ++i) {
    const std::vector<double> r = first_order(problem, fit.derivatives, at, residuals, x);
    const VectorXd move = solver.step(x, solver.normal(x, r, fit.derivatives), 0);
    x = solver.clamp(x + move);
    if (move.cwiseAbs().maxCoeff() < 1e-4) break;
  }
  return x;
}

// Where no parameter of a row has moved by more, its residual is taken to first order.
constexpr double kFirstOrder = 0.1;

std::vector<bool> far_off(const PooledProblem& problem, const VectorXd& from, const VectorXd& x) {
  const auto moved = [&](int j) { return std::abs(x[j] - from[j]) > kFirstOrder; };
  std::vector<bool> out;
  for (const PooledRow& row : problem.rows)
    out.push_back(std::any_of(row.parameters.begin(), row.parameters.end(), moved));
  return out;
}

std::vector<bool> of_group(const PooledProblem& problem, int group) {
  std::vector<bool> out;
  for (const PooledRow& row : problem.rows) out.push_back(row.group == group);
  return out;
}

// The linear optimum, corrected once by simulating there the rows that moved far; the group's own rows are simulated.
std::vector<double> without_group(const PooledProblem& problem, const PooledFit& fit, int group) {
  Solver solver(problem);
  solver.leave_out(group);
  const VectorXd whole = VectorXd::Map(fit.x.data(), static_cast<Eigen::Index>(fit.x.size()));
  VectorXd x = linear_optimum(problem, solver, fit, whole, fit.residuals);
  const std::vector<bool> simulated = far_off(problem, whole, x);
  if (std::find(simulated.begin(), simulated.end(), true) != simulated.end()) {
    std::vector<double> r = first_order(problem, fit.derivatives, whole, fit.residuals, x);
    const std::vector<double> exact = solver.residuals(x, &simulated);
    for (std::size_t i = 0; i < r.size(); ++i)
      if (simulated[i]) r[i] = exact[i];
    x = linear_optimum(problem, solver, fit, x, r);
  }
  const std::vector<bool> own = of_group(problem, group);
  return solver.residuals(x, &own);
}

// Each row's derivatives corrected so that they explain how its residual moved (Broyden 1965).
void correct_derivatives(const PooledProblem& problem, const VectorXd& move, const std::vector<double>& before,
                         const std::vector<double>& after, std::vector<std::vector<double>>& derivatives) {
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto& own = problem.rows[i].parameters;
    double told = 0, squares = 0;
    for (std::size_t k = 0; k < own.size(); ++k) {
      told += derivatives[i][k] * move[own[k]];
      squares += move[own[k]] * move[own[k]];
    }
    if (squares < 1e-12) continue;
    const double missing = (after[i] - before[i] - told) / squares;
    for (std::size_t k = 0; k < own.size(); ++k) derivatives[i][k] += missing * move[own[k]];
  }
}

// One descent. Derivatives are simulated at its start and corrected after each step.
class Descent {
 public:
  Descent(const PooledProblem& problem, const Solver& solver, VectorXd& x, PooledFit& fit)
      : problem_(problem), solver_(solver), x_(x), fit_(fit) {
    fit_.derivatives = solver_.derivatives(x_, fit_.residuals);
  }

  // Until a step gains little or none does.
  void run() {
    while (fit_.iterations < problem_.max_iterations && step()) ++fit_.iterations;
  }

 private:
  // One step that lowers the loss; whether it is worth going on.
  bool step() {
    const NormalEquations normal = solver_.normal(x_, fit_.residuals, fit_.derivatives);
    for (int tries = 0; tries < kTries; ++tries, damping_ *= 6) {
      const VectorXd trial = solver_.clamp(x_ + solver_.step(x_, normal, damping_));
      const std::vector<double> r = solver_.residuals(trial);
      const double loss = solver_.loss(trial, r);
      correct_derivatives(problem_, trial - x_, fit_.residuals, r, fit_.derivatives);
      if (!(loss < fit_.loss)) continue;
      const double gain = fit_.loss - loss;
      x_ = trial, fit_.residuals = r, fit_.loss = loss;
      damping_ = std::max(damping_ / 6, 1e-9);
      return gain > problem_.tolerance * loss;
    }
    return false;
  }

  static constexpr int kTries = 4;
  const PooledProblem& problem_;
  const Solver& solver_;
  VectorXd& x_;
  PooledFit& fit_;
  double damping_ = 1e-2;
};

}  // namespace

PooledFit fit_pooled(const PooledProblem& problem) {
  const Solver solver(problem);
  VectorXd x = solver.start();
  PooledFit fit;
  fit.residuals = solver.residuals(x);
  fit.loss = solver.loss(x, fit.residuals);
  for (int descent = 0; descent < kMostDescents; ++descent) {
    const double before = fit.loss;
    Descent(problem, solver, x, fit).run();
    if (before - fit.loss <= 2 * problem.tolerance * fit.loss) break;
  }
  fit.derivatives = solver.derivatives(x, fit.residuals);
  return finish(solver, x, std::move(fit));
}

std::vector<double> leave_groups_out(const PooledProblem& problem, const PooledFit& fit) {
  std::set<int> groups;
  for (const PooledRow& row : problem.rows) groups.insert(row.group);
  std::vector<double> out(problem.rows.size());
  for (int group : groups) {
    const std::vector<double> r = without_group(problem, fit, group);
    for (std::size_t i = 0; i < out.size(); ++i)
      if (problem.rows[i].group == group) out[i] = r[i];
  }
  return out;
}

}  // namespace supernode
