#include "calibration/pooled_fit.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace supernode {
namespace {

// Rows that observe a parameter directly: r_i = x - y_i.
PooledProblem direct(std::vector<PooledParameter> parameters, const std::vector<std::pair<int, double>>& observed) {
  PooledProblem problem;
  problem.parameters = std::move(parameters);
  for (std::size_t i = 0; i < observed.size(); ++i)
    problem.rows.push_back({{observed[i].first}, 1, static_cast<int>(i)});
  problem.residuals = [observed](const std::vector<PooledQuery>& queries) {
    std::vector<double> out;
    for (const PooledQuery& query : queries) out.push_back(query.values[0] - observed[query.row].second);
    return out;
  };
  problem.huber = 100;
  problem.row_spread = 0.1;
  problem.tolerance = 1e-13;
  return problem;
}

// Without a prior to speak of, the least-squares estimate is the mean, its variance s²/n.
TEST(PooledFit, FindsTheMeanAndItsVariance) {
  const PooledFit fit = fit_pooled(direct({{"x", 0, -1, 1e3}}, {{0, 1.0}, {0, 2.0}, {0, 6.0}}));
  EXPECT_NEAR(fit.x[0], 3, 1e-6);
  EXPECT_NEAR(fit.covariance[0][0], 0.01 / 3, 1e-7);
  EXPECT_NEAR(fit.residuals[2], -3, 1e-6);
}

// Two sets drawn from one mean, m ~ N(c, S²), x ~ N(m, t²), one row y of the first with spread s. A row tells of its
// set, the mean and the other set as a Gaussian conditions: all with V = S² + t² + s²,
//   x1 = c + (S² + t²)/V (y - c),  m = x2 = c + S²/V (y - c),  var x2 = S² + t² - S⁴/V.
TEST(PooledFit, SetsWithoutRowsAreTheMean) {
  const double c = 1, S = 0.3, t = 0.2, s = 0.1, y = 2, V = S * S + t * t + s * s;
  const PooledFit fit = fit_pooled(direct({{"m", c, -1, S}, {"x1", 0, 0, t}, {"x2", 0, 0, t}}, {{1, y}}));
  EXPECT_NEAR(fit.x[0], c + S * S / V * (y - c), 1e-6);
  EXPECT_NEAR(fit.x[1], c + (S * S + t * t) / V * (y - c), 1e-6);
  EXPECT_NEAR(fit.x[2], fit.x[0], 1e-6);
  EXPECT_NEAR(fit.covariance[2][2], S * S + t * t - S * S * S * S / V, 1e-6);
}

// Beyond the threshold h a row pulls with h, not with its distance: with rows 0, 0 and 1000, 2x = h, so x = h/2.
TEST(PooledFit, AnOutlierPullsWithTheThreshold) {
  PooledProblem problem = direct({{"x", 0, -1, 1e3}}, {{0, 0.0}, {0, 0.0}, {0, 1000.0}});
  problem.huber = 0.3;
  EXPECT_NEAR(fit_pooled(problem).x[0], 0.15, 1e-3);
}

TEST(PooledFit, WeightsCount) {
  PooledProblem problem = direct({{"x", 0, -1, 1e3}}, {{0, 0.0}, {0, 1.0}});
  problem.rows[1].weight = 3;
  EXPECT_NEAR(fit_pooled(problem).x[0], 0.75, 1e-6);
}

TEST(PooledFit, StaysInsideBounds) {
  const PooledFit fit = fit_pooled(direct({{"x", 0, -1, 1e3, -1, 0.5}}, {{0, 2.0}}));
  EXPECT_DOUBLE_EQ(fit.x[0], 0.5);
}

// Three rows in two groups: without group 0 the mean is 5, without group 1 it is (1 + 2)/2.
TEST(PooledFit, LeavesWholeGroupsOut) {
  PooledProblem problem = direct({{"x", 0, -1, 1e3}}, {{0, 1.0}, {0, 2.0}, {0, 5.0}});
  problem.rows[0].group = problem.rows[1].group = 0;
  problem.rows[2].group = 1;
  const std::vector<double> out = leave_groups_out(problem, fit_pooled(problem));
  EXPECT_NEAR(out[0], 4, 1e-5);
  EXPECT_NEAR(out[1], 3, 1e-5);
  EXPECT_NEAR(out[2], 1.5 - 5, 1e-5);
}

// The rows observe exp(x): with all groups the fit is exact at x = ln 2 and the two agree; leaving one out must not
// rely on derivatives at the old place, for at x = ln 4 they are twice as large.
TEST(PooledFit, LeavingOutFollowsACurve) {
  PooledProblem problem;
  problem.parameters = {{"x", 0, -1, 1e3}};
  const std::vector<double> observed = {2, 4};
  problem.rows = {{{0}, 1, 0}, {{0}, 1, 1}};
  problem.residuals = [&](const std::vector<PooledQuery>& queries) {
    std::vector<double> out;
    for (const PooledQuery& query : queries) out.push_back(std::exp(query.values[0]) - observed[query.row]);
    return out;
  };
  problem.huber = 100;
  problem.tolerance = 1e-12;
  const PooledFit fit = fit_pooled(problem);
  EXPECT_NEAR(fit.x[0], std::log(3), 1e-4);  // least squares in the observed quantity: its mean
  const std::vector<double> out = leave_groups_out(problem, fit);
  // To first order alone they were 4.19 and 2.15.
  EXPECT_NEAR(out[0], 4 - 2, 0.1);
  EXPECT_NEAR(out[1], 2 - 4, 0.1);
}

}  // namespace
}  // namespace supernode
