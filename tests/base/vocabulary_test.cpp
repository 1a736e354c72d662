// Kernel and collective vocabulary, hashes, diagnostics and child processes.
#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>

#include "base/child_process.hpp"
#include "base/collective.hpp"
#include "base/diagnostics.hpp"
#include "base/hash.hpp"
#include "base/kernel.hpp"

namespace supernode {
namespace {

TEST(Kernel, FlopsByHand) {
  EXPECT_DOUBLE_EQ(flops(GemmKernel{2, 3, 5, 7}).value(), 2.0 * 2 * 3 * 5 * 7);
  AttentionKernel a{1, 2, 2, 4, 4, 8, 8, false, false};
  EXPECT_DOUBLE_EQ(flops(a).value(), 2.0 * 2 * 4 * 4 * (8 + 8));
  a.causal = true;
  EXPECT_DOUBLE_EQ(flops(a).value(), 2.0 * 2 * 8 * (8 + 8));
  a.backward = true;
  EXPECT_DOUBLE_EQ(flops(a).value(), 2.5 * 2.0 * 2 * 8 * (8 + 8));
}

TEST(Kernel, TrafficCountsEachOperandOnce) {
  GemmKernel g{2, 3, 5};
  EXPECT_DOUBLE_EQ(traffic(g).value(), 2.0 * (2 * 5 + 5 * 3 + 2 * 3));
  g.accumulate = true;  // reads and writes an fp32 result
  EXPECT_DOUBLE_EQ(traffic(g).value(), 2.0 * (2 * 5 + 5 * 3) + 8.0 * 2 * 3);
}

TEST(Collective, BusFactorsOfNcclTests) {
  EXPECT_DOUBLE_EQ(bus_factor(CollectiveOp::kAllReduce, 8), 1.75);
  EXPECT_DOUBLE_EQ(bus_factor(CollectiveOp::kAllGather, 8), 0.875);
  EXPECT_DOUBLE_EQ(bus_factor(CollectiveOp::kSendRecv, 2), 1);
}

TEST(Collective, ExpectedDistinctBinsByEnumeration) {
  EXPECT_DOUBLE_EQ(expected_distinct_bins(4, 4, 4), 4);  // one expert a bin, all chosen
  EXPECT_DOUBLE_EQ(expected_distinct_bins(2, 4, 1), 1);
  EXPECT_NEAR(expected_distinct_bins(2, 4, 2), 2 * (1 - (2.0 / 4) * (1.0 / 3)), 1e-12);  // both miss a bin: 1/6
  EXPECT_NEAR(expected_distinct_bins(4, 0, 2), 4 * (1 - 9.0 / 16), 1e-12);
  EXPECT_DOUBLE_EQ(expected_distinct_bins(4, 256, TokenRouting{.topk = 8, .even = true}), 4);
  EXPECT_DOUBLE_EQ(expected_distinct_bins(32, 256, TokenRouting{.topk = 8, .even = true}), 8);
  EXPECT_DOUBLE_EQ(bus_factor(CollectiveOp::kEpDispatch, 32, {.topk = 8, .experts = 256, .even = true}), 7.75);
}

TEST(Hash, KnownDigests) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8cULL);
}

TEST(Diagnostics, NearestCandidate) {
  const std::vector<std::string> names = {"ascend-910c", "h100", "deepseek-v3"};
  EXPECT_EQ(nearest_candidate("acsend-910c", names), "ascend-910c");
  EXPECT_EQ(nearest_candidate("H100", names), "h100");
  EXPECT_EQ(nearest_candidate("deepseek", names), "deepseek-v3");
  EXPECT_EQ(nearest_candidate("tpu", names), std::nullopt);
}

TEST(ChildProcess, ReturnsResultsInOrderAndPassesErrorsOn) {
  const auto results = run_in_children(
      5, [](std::size_t i) { return std::string(100'000 * i, 'x'); }, 2);
  ASSERT_EQ(results.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(results[i].size(), 100'000 * i);
  try {
    run_in_child([]() -> std::string { throw std::runtime_error("no route"); });
    FAIL();
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "no route");
  }
  EXPECT_THROW(run_in_child([]() -> std::string {
                 std::raise(SIGKILL);
                 return {};
               }),
               std::runtime_error);
}

}  // namespace
}  // namespace supernode
