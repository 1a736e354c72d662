// Slow-down of computation and communication at once, from the published cases by hand.

#include "calibration/overlap_case.hpp"

#include <gtest/gtest.h>

namespace supernode {
namespace {

using namespace literals;

// 100 us of each in 4 chunks: 25 alone, 75 of both at factor s, 25 alone. 140 us in all: s = 90 / 75 = 1.2.
TEST(OverlapCase, GivesTheFactorOfEqualWork) { EXPECT_NEAR(implied_slowdown({100_us, 100_us, 4, 140_us}), 1.2, 1e-12); }

// 100 us of one, 200 of the other in 2 chunks: ends 50 + 100; between them 50 of both and 50 of the longer alone.
TEST(OverlapCase, LetsTheLongerRunOnAlone) {
  EXPECT_NEAR(implied_slowdown({100_us, 200_us, 2, 260_us}), 1.2, 1e-12);
  EXPECT_NEAR(implied_slowdown({200_us, 100_us, 2, 260_us}), 1.2, 1e-12);
}

TEST(OverlapCase, IsNoLessThanOne) { EXPECT_EQ(implied_slowdown({100_us, 100_us, 4, 90_us}), 1.0); }

// Huawei's MC2 case on an A2: 803 us of matmul and 1071 us of all-reduce take 1262 us in 5 chunks. Ends 160.6 + 214.2,
// both 642.4, alone 214.4: (1262 - 374.8 - 214.4) / 642.4 = 1.047, below the 1.15 of its own rule.
TEST(OverlapCase, HuaweisExampleImpliesLessThanItsRule) {
  EXPECT_NEAR(implied_slowdown({803_us, 1071_us, 5, 1262_us}), 1.0473, 1e-4);
}

// DeepSeek-V3 keeps 20 of an H800's 132 cores for communication: 132 / 112.
TEST(OverlapCase, CoresHeldAreCoresLess) {
  EXPECT_NEAR(core_share_slowdown(132, 20), 1.17857, 1e-5);
  EXPECT_EQ(core_share_slowdown(108, 0), 1.0);
}

}  // namespace
}  // namespace supernode
