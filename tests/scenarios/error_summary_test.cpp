// Figures over sets of errors, by hand.
#include "scenarios/error_summary.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace supernode {
namespace {

ScoredRow row(double predicted, double measured, double low, double high, const std::string& chip = "a") {
  return {.groups = {{"chip", chip}},
          .skipped = "",
          .predicted = predicted,
          .measured = measured,
          .low = low,
          .high = high};
}

// Ratios 0.9, 1.0, 1.3: errors 0.1, 0, 0.3, so median 0.1, mean 0.4/3, p90 0.1 + 0.8·0.2 = 0.26; median ratio 1.0.
TEST(ErrorSummary, IsOfTheRowsThatWerePredicted) {
  std::vector<ScoredRow> rows = {row(9, 10, 8, 10), row(10, 10, 9, 11), row(13, 10, 11, 15)};
  rows.push_back({.groups = {{"chip", "b"}}, .skipped = "why"});
  const ErrorSummary summary = summarise(rows);
  EXPECT_EQ(summary.rows, 4);
  EXPECT_EQ(summary.predicted, 3);
  EXPECT_EQ(summary.skipped.at("why"), 1);
  EXPECT_NEAR(summary.median_abs_error, 0.1, 1e-12);
  EXPECT_NEAR(summary.p90_abs_error, 0.26, 1e-12);
  EXPECT_NEAR(summary.mean_abs_error, 0.4 / 3, 1e-12);
  EXPECT_NEAR(summary.bias, 1.0, 1e-12);
  EXPECT_NEAR(summary.interval_coverage, 2.0 / 3, 1e-12);  // 10 lies in [8, 10] and [9, 11], not in [11, 15]
}

TEST(ErrorSummary, OfNothingIsZeros) {
  const ErrorSummary summary = summarise(std::vector<ScoredRow>{});
  EXPECT_EQ(summary.predicted, 0);
  EXPECT_EQ(summary.median_abs_error, 0);
}

TEST(ErrorSummary, GroupsStandByDimensionAndValue) {
  const std::vector<ScoredRow> rows = {row(1, 1, 0, 2, "h"), row(2, 1, 0, 2, "a"), row(4, 1, 0, 2, "a")};
  const GroupedErrors groups = summarise_groups(rows);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].first, "chip");
  EXPECT_EQ(groups[0].second.begin()->first, "a");
  EXPECT_NEAR(groups[0].second.at("a").median_abs_error, 2, 1e-12);  // of 1 and 3
  EXPECT_EQ(groups[0].second.at("h").predicted, 1);
}

// Ranks of {1, 2, 2, 9} are 1, 2.5, 2.5, 4, of {5, 6, 7, 8} 1 to 4; with deviations -1.5, 0, 0, 1.5 and -1.5, -.5, .5,
// 1.5 the correlation is 4.5 / sqrt(4.5 · 5).
TEST(ErrorSummary, RankCorrelationSharesRanksOfTies) {
  EXPECT_NEAR(rank_correlation({1, 2, 2, 9}, {5, 6, 7, 8}).value(), 4.5 / std::sqrt(4.5 * 5), 1e-12);
  EXPECT_NEAR(rank_correlation({1, 2, 3}, {30, 20, 10}).value(), -1, 1e-12);
  EXPECT_FALSE(rank_correlation({1, 1, 1}, {1, 2, 3}));
  EXPECT_FALSE(rank_correlation({1}, {1}));
}

}  // namespace
}  // namespace supernode
