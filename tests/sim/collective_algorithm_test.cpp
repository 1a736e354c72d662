// What single algorithms send, by hand. The suite over all of them: collective_conformance_test.cpp.

#include "sim/collective_algorithm.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/collective_fixture.hpp"
#include "tests/sim/collective_shapes.hpp"

namespace supernode {
namespace {

using namespace test;
using enum CollectiveOp;

constexpr TokenRouting kTopEight{8, 256, 0};

std::int64_t steps(const std::vector<Round>& rounds) {
  std::int64_t steps = 0;
  for (const Round& round : rounds) steps += round.repeat;
  return steps;
}

TEST(CollectiveAlgorithm, StepCounts) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const auto count = [&](const char* name, CollectiveOp op, const GroupShape& group) {
    return steps(registry.find(name)->rounds({op, 1_MB, kTopEight}, group));
  };
  EXPECT_EQ(count("ring", kAllReduce, shape(1, 8)), 14);
  EXPECT_EQ(count("ring", kAllGather, shape(1, 8)), 7);
  EXPECT_EQ(count("direct", kAllReduce, shape(1, 8)), 2);
  EXPECT_EQ(count("direct", kAllToAll, shape(4, 8)), 1);
  EXPECT_EQ(count("pairwise", kAllToAll, shape(4, 8)), 31);
  EXPECT_EQ(count("halving_doubling", kAllReduce, shape(8, 1)), 6);
  EXPECT_EQ(count("tree", kAllReduce, shape(7, 1)), 6);
  EXPECT_EQ(count("hierarchical", kAllReduce, shape(4, 8)), 2 * (7 + 3));
  EXPECT_EQ(count("hierarchical", kEpDispatch, shape(4, 8)), 2);
  EXPECT_EQ(count("hierarchical_mesh", kAllReduce, shape(4, 8)), 2 * (1 + 3));
}

// 4 tokens' worth to 8 ranks in one node with one expert a rank and top-2: a rank gets a token with probability
// 2/8, so 1/4 of the bytes go to each peer.
TEST(CollectiveAlgorithm, DispatchSendsATokenOncePerRank) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const auto rounds = registry.find("direct")->rounds({kEpDispatch, 4_MB, {2, 8, 0}}, shape(1, 8));
  ASSERT_EQ(rounds.size(), 1u);
  EXPECT_EQ(rounds[0].transfers.size(), 8u * 7);
  for (const Transfer& t : rounds[0].transfers) EXPECT_NEAR(t.bytes.value(), 1e6, 1e-6);
}

// 2 nodes of 2 ranks, one expert a rank, top-2 of 4 without replacement. A node holds 2 experts: missed with
// probability (2/4)(1/3) = 1/6, so 5/6 of the tokens cross to the other node, once. A rank is hit with probability 1/2;
// inside, a rank passes its neighbour the tokens of both nodes that landed on it: 2 × 1/2 = 1.
TEST(CollectiveAlgorithm, HierarchicalDispatchCrossesToANodeOnce) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const auto rounds = registry.find("hierarchical")->rounds({kEpDispatch, 6_MB, {2, 4, 0}}, shape(2, 2));
  double across = 0, inside = 0;
  for (const Round& round : rounds)
    for (const Transfer& t : round.transfers)
      (t.from / 2 == t.to / 2 ? inside : across) += t.bytes.value() * static_cast<double>(round.repeat);
  EXPECT_NEAR(across, 4 * 5e6, 1e-3);
  EXPECT_NEAR(inside, 4 * 6e6, 1e-3);
}

TEST(CollectiveAlgorithm, NodeLimitCutsWhatCrosses) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const auto bytes_across = [&](std::int64_t limit) {
    double bytes = 0;
    for (const Round& r : registry.find("hierarchical")->rounds({kEpDispatch, 6_MB, {8, 256, limit}}, shape(8, 4)))
      for (const Transfer& t : r.transfers)
        if (t.from / 4 != t.to / 4) bytes += t.bytes.value() * static_cast<double>(r.repeat);
    return bytes;
  };
  EXPECT_NEAR(bytes_across(8), bytes_across(0), 1);
  EXPECT_LT(bytes_across(4), 0.75 * bytes_across(0));
  // At most 4 of 8 nodes, 7/8 of them remote.
  EXPECT_LE(bytes_across(4), 32 * 6e6 * 4 * 7 / 8);
}

// Every rank but the root of each tree has one parent: 2(n-1) edges, each used both ways.
TEST(CollectiveAlgorithm, TreesSpanTheGroupAndBalanceThePorts) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  for (int n = 3; n < 40; ++n) {
    const auto rounds = registry.find("tree")->rounds({kAllReduce, 1_MB, {}}, shape(n, 1));
    EXPECT_EQ(rounds[0].transfers.size(), 4u * static_cast<unsigned>(n - 1));
    const Traffic t = traffic(rounds, n);
    EXPECT_LE(*std::ranges::max_element(t.out), 2e6 * (1 + 1e-9)) << n;
  }
}

TEST(CollectiveAlgorithm, SwitchReductionMovesLessThanARing) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const Traffic t = traffic(registry.find("nvls")->rounds({kAllReduce, 8_MB, {}}, shape(1, 8)), 8);
  for (const double out : t.out) EXPECT_NEAR(out, 9e6, 1e-3);
}

TEST(CollectiveAlgorithm, HierarchicalNeedsEqualUnits) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  GroupShape uneven = shape(2, 3);
  uneven.node[3] = 0;
  EXPECT_FALSE(registry.find("hierarchical")->supports({kAllReduce, 1_MB, {}}, uneven));
  EXPECT_FALSE(registry.find("hierarchical")->supports({kAllReduce, 1_MB, {}}, shape(1, 8)));
  EXPECT_FALSE(registry.find("hierarchical")->supports({kAllReduce, 1_MB, {}}, shape(8, 1)));
}

}  // namespace
}  // namespace supernode
