// Dispatch and combine when experts are not all alike: who sends what to whom, and what that takes.

#include "sim/moe_traffic.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/expert_load.hpp"
#include "sim/flow.hpp"
#include "tests/sim/collective_fixture.hpp"
#include "tests/sim/collective_shapes.hpp"

namespace supernode {
namespace {

using namespace test;
using enum CollectiveOp;

const TokenRouting kAlike{8, 256, 0};
const TokenRouting kZipf{.topk = 8, .experts = 256, .zipf = 0.8};

double seconds(const Fabric& fabric, int n, const std::string& algorithm, const CollectiveCall& call) {
  return simulate_flows(fabric, devices(n), rounds_of(fabric, devices(n), algorithm, call)).time.value();
}

// Top-1 of four experts chosen by 70, 10, 10 and 10 of 100 tokens, one on each of 4 ranks: 0.7 of every other rank's
// bytes go to rank 0, 0.1 to each other. Into rank 0 go 3 × 0.7, out of a rank at most 0.9.
TEST(MoeTraffic, MatrixOfAHistogram) {
  const ExpertHistogram histogram{{70, 10, 10, 10}};
  const TokenRouting routing{.topk = 1, .experts = 4, .histogram = &histogram};
  const MoeTraffic moe = moe_traffic({kEpDispatch, 10_MB, routing}, shape(1, 4));
  for (std::int64_t i = 0; i < 4; ++i)
    for (std::int64_t j = 0; j < 4; ++j)
      EXPECT_NEAR(moe.between(i, j).value(), i == j ? 0 : j == 0 ? 7e6 : 1e6, 1) << i << j;
  EXPECT_NEAR(moe.imbalance, 2.8, 1e-6);  // 0.7 over a quarter
  EXPECT_NEAR(moe.busiest_port.value(), 21e6, 10);
  const MoeTraffic back = moe_traffic({kEpCombine, 10_MB, routing}, shape(1, 4));
  EXPECT_NEAR(back.between(0, 1).value(), 7e6, 1);
  EXPECT_NEAR(back.between(1, 0).value(), 1e6, 1);
}

TEST(MoeTraffic, AlikeExpertsAreBalanced) {
  const MoeTraffic moe = moe_traffic({kEpDispatch, 1_MB, kAlike}, shape(4, 8));
  EXPECT_EQ(moe.imbalance, 1);
  for (std::int64_t i = 1; i < 32; ++i) EXPECT_EQ(moe.between(0, i).value(), moe.between(31, 0).value());
}

// All at once over one switch: the port of the most popular rank decides, into it in a dispatch, out of it in a
// combine.
TEST(MoeTraffic, TheBusiestPortTakesItsTime) {
  const Fabric fabric = star(32, 100_GBps, 1_us);
  for (const CollectiveOp op : {kEpDispatch, kEpCombine})
    for (const TokenRouting& routing : {kAlike, kZipf}) {
      const CollectiveCall call{op, 64_MB, routing};
      const MoeTraffic moe = moe_traffic(call, group_shape(fabric, devices(32)));
      const double expected = moe.busiest_port.value() / 100e9 + 2e-6;
      EXPECT_NEAR(seconds(fabric, 32, "direct", call), expected, 1e-3 * expected) << to_string(op);
      // In windows no sooner.
      EXPECT_GE(seconds(fabric, 32, "windowed", call), expected * (1 - 1e-6)) << to_string(op);
    }
}

// Every exchange moves what the matrix says, whatever its order.
TEST(MoeTraffic, ExchangesMoveTheMatrix) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const GroupShape group = shape(4, 8);
  for (const CollectiveOp op : {kEpDispatch, kEpCombine}) {
    const CollectiveCall call{op, 1_MB, kZipf};
    const MoeTraffic moe = moe_traffic(call, group);
    for (const char* name : {"direct", "pairwise", "windowed"}) {
      std::vector<double> left;
      for (const Bytes bytes : moe.matrix) left.push_back(bytes.value());
      for (const Round& round : registry.find(name)->rounds(call, group))
        for (const Transfer& t : round.transfers) left[static_cast<std::size_t>(t.from * 32 + t.to)] -= t.bytes.value();
      for (const double bytes : left) EXPECT_EQ(bytes, 0) << name;
    }
  }
}

// By nodes: across go the tokens that a node takes, in all as many as the direct exchange would send at most; inside,
// all that the direct one brings from and to ranks of the same place or not.
TEST(MoeTraffic, HierarchyCrossesToANodeOnce) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const GroupShape group = shape(4, 8, false);
  const ExpertSpread spread = spread_experts(kZipf, group.node);
  for (const CollectiveOp op : {kEpDispatch, kEpCombine}) {
    std::vector<double> into(4), out(4);
    for (const Round& round : registry.find("hierarchical")->rounds({op, 1_MB, kZipf}, group))
      for (const Transfer& t : round.transfers) {
        const auto a = static_cast<std::size_t>(t.from / 8), b = static_cast<std::size_t>(t.to / 8);
        if (a == b) continue;
        out[a] += t.bytes.value() * static_cast<double>(round.repeat);
        into[b] += t.bytes.value() * static_cast<double>(round.repeat);
      }
    for (std::size_t u = 0; u < 4; ++u)  // from or to the 24 ranks elsewhere
      EXPECT_NEAR((op == kEpDispatch ? into : out)[u], 24 * 1e6 * spread.unit[u], 1) << to_string(op);
  }
}

// Copies of popular experts, packed by load, bring the time of a skewed dispatch back near that of alike experts.
TEST(MoeTraffic, CopiesHelp) {
  const Fabric fabric = star(32, 100_GBps, 1_us);
  TokenRouting routing = kZipf;
  routing.zipf = 1.2;
  const auto time = [&] { return seconds(fabric, 32, "direct", {kEpDispatch, 64_MB, routing}); };
  const double skewed = time();
  routing.placement = ExpertPlacement::kBalanced, routing.redundant = 64;
  const double copied = time();
  const double alike = seconds(fabric, 32, "direct", {kEpDispatch, 64_MB, kAlike});
  EXPECT_GT(skewed, 1.5 * alike);
  EXPECT_LT(copied, 1.35 * alike);
  EXPECT_LT(copied, skewed);
}

}  // namespace
}  // namespace supernode
