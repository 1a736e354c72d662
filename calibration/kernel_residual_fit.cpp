// How the correction of a class's curve is fitted: centres spread over the traces, weights by regularised least
// squares, length and smoothness by cross-validation.

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "calibration/kernel_residual.hpp"
#include "calibration/robust_fit.hpp"

namespace supernode {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using Rows = std::vector<ResidualRow>;

struct Smoothness {
  double length;  // of a bump, in ln size
  double noise;   // variance of a row over that of the process
};

constexpr std::size_t kMostBumps = 60;
constexpr double kOutlier = 0.4;  // a residual beyond this counts as this

double square_distance(const ShapePoint& a, const ShapePoint& b) {
  double square = 0;
  for (std::size_t i = 0; i < a.size(); ++i) square += (a[i] - b[i]) * (a[i] - b[i]);
  return square;
}

double bump(const ShapePoint& a, const ShapePoint& b, double length) {
  return std::exp(-square_distance(a, b) / (2 * length * length));
}

std::size_t nearest_of(const std::vector<ShapePoint>& centres, const ShapePoint& at) {
  std::size_t best = 0;
  for (std::size_t j = 1; j < centres.size(); ++j)
    if (square_distance(centres[j], at) < square_distance(centres[best], at)) best = j;
  return best;
}

std::vector<ShapePoint> means_around(const std::vector<ShapePoint>& centres, const Rows& rows) {
  std::vector<ShapePoint> sums(centres.size());
  std::vector<double> counts(centres.size());
  for (const ResidualRow& row : rows) {
    const std::size_t j = nearest_of(centres, row.at);
    for (std::size_t i = 0; i < row.at.size(); ++i) sums[j][i] += row.at[i];
    counts[j] += 1;
  }
  for (std::size_t j = 0; j < sums.size(); ++j)
    for (double& x : sums[j]) x /= std::max(1.0, counts[j]);
  return sums;
}

// Greedy k-centre (Gonzalez 1985): the row farthest from all centres becomes one, until every row lies within half a
// length of one; then each moves to the mean of the rows around it.
std::vector<ShapePoint> centres(const Rows& rows, double length) {
  std::vector<ShapePoint> chosen = {rows.front().at};
  std::vector<double> nearest(rows.size(), std::numeric_limits<double>::infinity());
  while (chosen.size() < kMostBumps) {
    std::size_t farthest = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      nearest[i] = std::min(nearest[i], square_distance(rows[i].at, chosen.back()));
      if (nearest[i] > nearest[farthest]) farthest = i;
    }
    if (nearest[farthest] < length * length / 4) break;
    chosen.push_back(rows[farthest].at);
  }
  return means_around(chosen, rows);
}

ResidualModel solve(const Rows& rows, const Smoothness& smooth) {
  const std::vector<ShapePoint> at = centres(rows, smooth.length);
  const auto count = static_cast<Eigen::Index>(at.size());
  MatrixXd design(static_cast<Eigen::Index>(rows.size()), count), prior(count, count);
  VectorXd target(static_cast<Eigen::Index>(rows.size()));
  for (Eigen::Index i = 0; i < design.rows(); ++i) {
    const ResidualRow& row = rows[static_cast<std::size_t>(i)];
    target[i] = std::clamp(row.residual, -kOutlier, kOutlier);
    for (Eigen::Index j = 0; j < count; ++j)
      design(i, j) = row.share * bump(row.at, at[static_cast<std::size_t>(j)], smooth.length);
  }
  for (Eigen::Index i = 0; i < count; ++i)
    for (Eigen::Index j = 0; j < count; ++j)
      prior(i, j) =
          bump(at[static_cast<std::size_t>(i)], at[static_cast<std::size_t>(j)], smooth.length) + (i == j ? 1e-6 : 0);
  const MatrixXd normal = design.transpose() * design + smooth.noise * prior;
  const VectorXd weights = normal.ldlt().solve(design.transpose() * target);
  ResidualModel model{smooth.length, {}};
  for (Eigen::Index j = 0; j < count; ++j) model.bumps.push_back({at[static_cast<std::size_t>(j)], weights[j]});
  return model;
}

// The fold of each row: rows that differ in the first axis alone stay together.
std::vector<std::size_t> folds_of(const Rows& rows, std::size_t folds) {
  std::map<ShapePoint, std::size_t> shapes;
  std::vector<std::size_t> result;
  for (const ResidualRow& row : rows) {
    ShapePoint shape = row.at;
    shape[0] = 0;
    result.push_back(shapes.try_emplace(shape, shapes.size()).first->second % folds);
  }
  return result;
}

std::vector<double> held_out(const Rows& rows, const Smoothness& smooth) {
  constexpr std::size_t kFolds = 5;
  const std::vector<std::size_t> fold = folds_of(rows, kFolds);
  std::vector<double> left;
  for (std::size_t f = 0; f < kFolds; ++f) {
    Rows seen;
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (fold[i] != f) seen.push_back(rows[i]);
    if (seen.empty()) continue;
    const ResidualModel model = solve(seen, smooth);
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (fold[i] == f) left.push_back(rows[i].residual - rows[i].share * model.at(rows[i].at).log_factor);
  }
  return left;
}

double mean_absolute(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += std::min(std::abs(v), kOutlier);
  return sum / static_cast<double>(values.size());
}

}  // namespace

double robust_spread(const std::vector<double>& residuals) {
  std::vector<double> absolute;
  for (double r : residuals) absolute.push_back(std::abs(r));
  constexpr double kMedian = 1.4826, kP90 = 1 / 1.6449;  // of a normal distribution
  return std::max(kMedian * quantile(absolute, 0.5), kP90 * quantile(absolute, 0.9));
}

ResidualFit fit_residuals(const std::vector<ResidualRow>& rows) {
  constexpr double kWorthwhile = 0.9;  // of the mean error without a correction: else it is left out
  ResidualFit fit;
  std::vector<double> plain;
  for (const ResidualRow& row : rows) plain.push_back(row.residual);
  fit.before = fit.held_out = robust_spread(plain);
  double best = kWorthwhile * mean_absolute(plain);
  for (double length : {0.7, 1.0, 1.5, 2.2})
    for (double noise : {0.5, 2.0, 8.0}) {
      const std::vector<double> left = held_out(rows, {length, noise});
      const double error = mean_absolute(left);
      if (error >= best) continue;
      best = error;
      fit.held_out = robust_spread(left);
      fit.model = solve(rows, {length, noise});
    }
  return fit;
}

}  // namespace supernode
