#include "workloads/response_length.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace supernode {
namespace {

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Tables of the standard normal distribution.
TEST(ResponseLength, InverseNormalAgreesWithTables) {
  EXPECT_NEAR(inverse_normal(0.5), 0, 1e-9);
  EXPECT_NEAR(inverse_normal(0.975), 1.959963985, 1e-8);
  EXPECT_NEAR(inverse_normal(0.99), 2.326347874, 1e-8);
  EXPECT_NEAR(inverse_normal(0.001), -3.090232306, 1e-8);
  EXPECT_DOUBLE_EQ(inverse_normal(0.2), -inverse_normal(0.8));
}

TEST(ResponseLength, NoSpreadMakesAllEqual) {
  const std::vector<double> lengths = response_lengths({.mean = 300, .sigma = 0}, 5);
  EXPECT_EQ(lengths, std::vector<double>(5, 300.0));
}

TEST(ResponseLength, TheMeanIsThatAfterTheCut) {
  const std::vector<double> lengths = response_lengths({.mean = 1577, .max = 3072, .sigma = 0.8}, 1000);
  EXPECT_NEAR(mean(lengths), 1577, 0.01);
  EXPECT_DOUBLE_EQ(*std::max_element(lengths.begin(), lengths.end()), 3072);
}

// Uncut, four strata stand at the quantiles 1/8, 3/8, 5/8, 7/8: their logarithms are ln m ± sigma·1.150349 and
// ± sigma·0.318639.
TEST(ResponseLength, ALognormalsStrataStandAtTheirMiddles) {
  std::vector<double> lengths = response_lengths({.mean = 100, .sigma = 0.5}, 4);
  std::sort(lengths.begin(), lengths.end());
  EXPECT_NEAR(std::log(lengths[3] / lengths[0]), 0.5 * 2 * 1.1503494, 1e-6);
  EXPECT_NEAR(std::log(lengths[2] / lengths[1]), 0.5 * 2 * 0.3186394, 1e-6);
}

// Linear from (0, 100) to (1, 500): the middles of four strata are 150, 250, 350, 450.
TEST(ResponseLength, QuantilesAreJoinedByLines) {
  std::vector<double> lengths = response_lengths({.quantiles = {{0, 100}, {1, 500}}}, 4);
  std::sort(lengths.begin(), lengths.end());
  EXPECT_EQ(lengths, (std::vector<double>{150, 250, 350, 450}));
}

// Dealt to four replicas in turn, no replica's mean strays far from that of all.
TEST(ResponseLength, EveryPartOfTheListIsAsLongAsTheWhole) {
  const std::vector<double> lengths = response_lengths({.mean = 1000, .sigma = 0.8}, 400);
  for (std::size_t replica = 0; replica < 4; ++replica) {
    std::vector<double> own;
    for (std::size_t i = replica; i < lengths.size(); i += 4) own.push_back(lengths[i]);
    EXPECT_NEAR(mean(own), 1000, 60) << replica;
  }
}

}  // namespace
}  // namespace supernode
