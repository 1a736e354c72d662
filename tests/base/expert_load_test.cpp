// Experts that are not all alike: probabilities against drawn tokens, copies and placements by hand.

#include "base/expert_load.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <set>

namespace supernode {
namespace {

double sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }
double most(const std::vector<double>& values) { return *std::ranges::max_element(values); }

std::vector<std::int32_t> units(int ranks, int per_unit) {
  std::vector<std::int32_t> unit_of;
  for (int r = 0; r < ranks; ++r) unit_of.push_back(r / per_unit);
  return unit_of;
}

TEST(ExpertLoad, ChoicesSumToTopKAndFollowTheWeights) {
  for (const double zipf : {0.3, 1.0, 2.0, 5.0}) {
    std::vector<double> choices = expert_choices({.topk = 8, .experts = 256, .zipf = zipf});
    EXPECT_NEAR(sum(choices), 8, 1e-9) << zipf;
    EXPECT_LE(most(choices), 1);
    std::ranges::sort(choices, std::ranges::greater{});
    // -log(1 - p) is proportional to the weight i^-zipf.
    EXPECT_NEAR(std::log1p(-choices[9]) / std::log1p(-choices[19]), std::pow(2, zipf), 1e-6 * std::pow(2, zipf));
  }
}

// Equal weights: each of 64 experts with probability 4/64.
TEST(ExpertLoad, AlikeExpertsAreChosenAlike) {
  for (const double p : expert_choices({.topk = 4, .experts = 64})) EXPECT_NEAR(p, 1.0 / 16, 1e-12);
}

// 200,000 tokens drawn one expert after another without replacement: which ranks they reach, and how often.
TEST(ExpertLoad, AgreesWithDrawnTokens) {
  const TokenRouting routing{.topk = 8, .experts = 128, .zipf = 0.8};
  const int ranks = 16;
  const ExpertSpread spread = spread_experts(routing, units(ranks, ranks));
  const auto placed = place_experts(routing, ranks);
  const std::vector<double> choices = expert_choices(routing);
  std::vector<double> weight;  // of a choice 1 - exp(-t w)
  for (const double p : choices) weight.push_back(-std::log1p(-p));
  std::vector<std::size_t> rank_of(128);
  for (std::size_t r = 0; r < placed.size(); ++r)
    for (const std::int32_t e : placed[r]) rank_of[static_cast<std::size_t>(e)] = r;
  std::mt19937_64 random(7);
  const int tokens = 200'000;
  std::vector<double> hits(16, 0), copies(16, 0);
  std::vector<std::pair<double, std::size_t>> times(128);
  for (int t = 0; t < tokens; ++t) {
    for (std::size_t e = 0; e < 128; ++e) {
      const double uniform = (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53;
      times[e] = {-std::log(uniform) / weight[e], e};
    }
    std::ranges::nth_element(times, times.begin() + 8);
    std::set<std::size_t> reached;
    for (int i = 0; i < 8; ++i) {
      const std::size_t rank = rank_of[times[static_cast<std::size_t>(i)].second];
      reached.insert(rank);
      ++copies[rank];
    }
    for (const std::size_t rank : reached) ++hits[rank];
  }
  for (std::size_t r = 0; r < 16; ++r) {
    EXPECT_NEAR(hits[r] / tokens, spread.rank[r], 0.015 * spread.rank[r]) << r;
    EXPECT_NEAR(copies[r] / tokens, spread.load[r], 0.015 * spread.load[r]) << r;
  }
}

// Alike experts, one each on 8 ranks, top-2: a rank is hit with probability 2/8, and its load is 2/8.
TEST(ExpertLoad, WithoutSkewItIsTheUniformChoice) {
  const ExpertSpread spread = spread_experts({.topk = 2, .experts = 8}, units(8, 8));
  for (const double p : spread.rank) EXPECT_NEAR(p, 0.25, 1e-12);
  for (const double l : spread.load) EXPECT_NEAR(l, 0.25, 1e-12);
  EXPECT_NEAR(spread.imbalance(), 1, 1e-12);
}

// Four experts chosen by 60, 20, 10 and 10 of 100 tokens (top-1): two ranks of two have 80 and 20, round robin 70 and
// 30, balanced 60 + 10 = 70 and 30.
TEST(ExpertLoad, HistogramAndPlacements) {
  const ExpertHistogram histogram{{60, 20, 10, 10}};
  const auto load = [&](ExpertPlacement placement) {
    const TokenRouting routing{.topk = 1, .experts = 4, .placement = placement, .histogram = &histogram};
    return spread_experts(routing, units(2, 2)).load;
  };
  EXPECT_NEAR(load(ExpertPlacement::kContiguous)[0], 0.8, 1e-9);
  EXPECT_NEAR(load(ExpertPlacement::kRoundRobin)[0], 0.7, 1e-9);
  EXPECT_NEAR(most(load(ExpertPlacement::kBalanced)), 0.7, 1e-9);
}

// Two copies more: the first goes to the expert with 60, which then has 30 a copy, the next to it again (30 > 20): 20
// each. Six copies of 20, 20, 20, 20, 10, 10 on two ranks of three: 50 and 50.
TEST(ExpertLoad, CopiesGoToTheMostLoaded) {
  const ExpertHistogram histogram{{60, 20, 10, 10}};
  TokenRouting routing{.topk = 1, .experts = 4, .redundant = 1, .placement = ExpertPlacement::kBalanced};
  routing.histogram = &histogram;
  // On two ranks, of three and two places: 30 and 30, 20 to the first, 10 to the second, which is full then, 10 to the
  // first.
  EXPECT_NEAR(most(spread_experts(routing, units(2, 2)).load), 0.6, 1e-9);
  routing.redundant = 2;
  const auto placed = place_experts(routing, 3);
  std::vector<int> copies(4, 0);
  for (const auto& rank : placed) {
    EXPECT_EQ(rank.size(), 2u);
    for (const std::int32_t e : rank) ++copies[static_cast<std::size_t>(e)];
  }
  EXPECT_EQ(copies, (std::vector<int>{3, 1, 1, 1}));
}

TEST(ExpertLoad, CopiesAndBalancePayOff) {
  TokenRouting routing{.topk = 8, .experts = 256, .zipf = 0.8};
  const auto imbalance = [&] { return spread_experts(routing, units(32, 8)).imbalance(); };
  const double contiguous = imbalance();
  routing.placement = ExpertPlacement::kBalanced;
  const double balanced = imbalance();
  routing.redundant = 32;
  const double copied = imbalance();
  EXPECT_GT(contiguous, 1.5);
  EXPECT_LT(balanced, contiguous);
  EXPECT_LT(copied, balanced);
  EXPECT_GE(copied, 1);
  EXPECT_LT(copied, 1.1);
}

// Every rank has as many copies as any other, or one more; no rank has two of one expert; none is lost.
TEST(ExpertLoad, PlacementsAreEven) {
  for (const auto placement : {ExpertPlacement::kContiguous, ExpertPlacement::kRoundRobin, ExpertPlacement::kBalanced})
    for (const std::int64_t redundant : {0, 5, 32}) {
      const auto placed =
          place_experts({.topk = 8, .experts = 60, .zipf = 1, .redundant = redundant, .placement = placement}, 16);
      std::set<std::int32_t> seen;
      std::size_t all = 0;
      for (const auto& rank : placed) {
        all += rank.size();
        const auto even = static_cast<std::size_t>(60 + redundant) / 16;
        EXPECT_TRUE(rank.size() == even || rank.size() == even + 1);
        EXPECT_EQ(std::set<std::int32_t>(rank.begin(), rank.end()).size(), rank.size());
        seen.insert(rank.begin(), rank.end());
      }
      EXPECT_EQ(seen.size(), 60u);
      EXPECT_EQ(all, static_cast<std::size_t>(60 + redundant));
    }
}

// Of 8 units a token uses 4: the units' probabilities are below 1 and, with many experts chosen, sum to about 4.
TEST(ExpertLoad, NodeLimitHolds) {
  TokenRouting routing{.topk = 32, .experts = 256, .node_limit = 4, .zipf = 0.5};
  const ExpertSpread limited = spread_experts(routing, units(32, 4));
  EXPECT_LE(sum(limited.unit), 4 + 1e-9);
  EXPECT_GT(sum(limited.unit), 3.9);
  EXPECT_NEAR(sum(limited.load), 32, 1e-6);
  // Without skew 4 of 8 units are hit, but for those that get none of 8 choices among the 128 experts of the four.
  const TokenRouting alike{.topk = 8, .experts = 256, .node_limit = 4, .zipf = 1e-9};
  const double exact = expected_distinct_bins(4, 128, 8);
  EXPECT_NEAR(sum(spread_experts(alike, units(32, 4)).unit), exact, 0.05 * exact);
  routing.node_limit = 0;
  EXPECT_GT(sum(spread_experts(routing, units(32, 4)).unit), 7);
}

TEST(ExpertLoad, ErrorsAreNamed) {
  const ExpertHistogram two{{1, 2}}, steep{{90, 5, 5, 0}}, negative{{1, -1}};
  const auto error = [](TokenRouting routing) { return routing_error(routing, 4); };
  EXPECT_EQ(error({.topk = 8, .experts = 256, .zipf = 1, .redundant = 32}), "");
  EXPECT_EQ(error({.topk = 8, .experts = 0}), "");
  EXPECT_NE(error({.topk = 8, .experts = 0, .zipf = 1}), "");
  EXPECT_NE(error({.topk = 9, .experts = 8}), "");
  EXPECT_NE(error({.topk = 1, .experts = 8, .zipf = -1}), "");
  EXPECT_NE(error({.topk = 1, .experts = 8, .redundant = 25}), "");
  EXPECT_NE(error({.topk = 1, .experts = 4, .histogram = &two}), "");
  EXPECT_NE(error({.topk = 1, .experts = 2, .zipf = 1, .histogram = &two}), "");
  EXPECT_NE(error({.topk = 1, .experts = 2, .histogram = &negative}), "");
  EXPECT_NE(error({.topk = 2, .experts = 4, .histogram = &steep}), "");  // 90 of 100 choices of 50 tokens
  EXPECT_EQ(error({.topk = 1, .experts = 4, .histogram = &steep}), "");
}

// Top-1: a token is on a rank as often as its only expert is; with one expert a rank, whatever top-k.
TEST(ExpertLoad, HitsAreChoicesWhereTheyMustBe) {
  const ExpertHistogram steep{{70, 10, 10, 10}}, full{{50, 25, 15, 10}};
  const TokenRouting one{.topk = 1, .experts = 4, .histogram = &steep},
      two{.topk = 2, .experts = 4, .histogram = &full};
  const std::vector<double> first = spread_experts(one, units(2, 2)).rank,
                            second = spread_experts(two, units(4, 4)).rank;
  EXPECT_NEAR(first[0], 0.8, 1e-6);
  EXPECT_NEAR(second[0], 1, 1e-6);
  EXPECT_NEAR(second[1], 0.5, 1e-6);
  EXPECT_NEAR(second[3], 0.2, 1e-6);
}

TEST(ExpertLoad, PowerLawHistogramIsPossibleAndSteep) {
  for (const double alpha : {1.0, 1.01, 1.2}) {
    const ExpertHistogram histogram = power_law_histogram(256, 8, alpha, 4096);
    EXPECT_NEAR(sum(histogram.tokens), 8 * 4096.0, 1);
    EXPECT_LE(most(histogram.tokens), 4096);
    const TokenRouting routing{.topk = 8, .experts = 256, .histogram = &histogram};
    EXPECT_EQ(routing_error(routing, 32), "");
    EXPECT_GT(spread_experts(routing, units(32, 8)).imbalance(), 1.5) << alpha;
  }
}

// What must leave a rank: the distinct ranks of a token but its own. Without skew to the limit of none.
TEST(ExpertLoad, BusFactorFollowsTheSkew) {
  const auto factor = [](const TokenRouting& routing) { return bus_factor(CollectiveOp::kEpDispatch, 32, routing); };
  const TokenRouting alike{.topk = 8, .experts = 256}, nearly{.topk = 8, .experts = 256, .zipf = 1e-9};
  EXPECT_NEAR(factor(nearly), factor(alike), 1e-6);
  const TokenRouting skewed{.topk = 8, .experts = 256, .zipf = 1.5};
  EXPECT_NEAR(factor(skewed), sum(spread_experts(skewed, units(32, 32)).rank) * 31 / 32, 1e-9);
  EXPECT_GT(std::abs(factor(skewed) - factor(alike)), 0.1);
}

}  // namespace
}  // namespace supernode
