// How sure a collective's time is, and which rows are of which library.

#include "calibration/protocol_deviation.hpp"

#include <gtest/gtest.h>

#include "calibration/collective_protocol.hpp"

namespace supernode {
namespace {

ProtocolDeviation deviation() {
  ProtocolDeviation d;
  d.latency.value = 0.2;
  d.bandwidth.value = 0.05;
  d.per_doubling.value = 0.1;
  d.least_ranks = 4, d.most_ranks = 8;
  return d;
}

TEST(ProtocolDeviation, IsThatOfWhatDecides) {
  EXPECT_DOUBLE_EQ(deviation().relative(0, 8), 0.2);
  EXPECT_DOUBLE_EQ(deviation().relative(1, 8), 0.05);
  // Half of each, independent: sqrt(0.1² + 0.025²).
  EXPECT_NEAR(deviation().relative(0.5, 4), 0.103078, 1e-6);
}

// 32 ranks are two doublings beyond 8, 2 are one below 4.
TEST(ProtocolDeviation, GrowsBeyondTheMeasuredGroups) {
  EXPECT_NEAR(deviation().relative(0, 32), std::hypot(0.2, 0.2), 1e-12);
  EXPECT_NEAR(deviation().relative(0, 2), std::hypot(0.2, 0.1), 1e-12);
  ProtocolDeviation unknown = deviation();
  unknown.least_ranks = unknown.most_ranks = 0;
  EXPECT_DOUBLE_EQ(unknown.relative(0, 1024), 0.2);
}

TEST(ProtocolDeviation, ReadsBackWhatItWrites) {
  Diagnostics diagnostics;
  ProtocolDeviation made = deviation();
  for (auto* value : {&made.latency, &made.bandwidth, &made.per_doubling}) value->source = "a test";
  const auto file = std::make_shared<const SourceFile>(SourceFile{"d.yaml", emit_deviation(made)});
  const YamlNode root = parse_yaml(file, diagnostics);
  ProtocolDeviation read;
  SpecReader outer(root, "", diagnostics);
  outer.object({"deviation", ""}, [&](SpecReader& reader) { bind(read, reader); });
  outer.finish();
  ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_DOUBLE_EQ(read.latency.value, 0.2);
  EXPECT_DOUBLE_EQ(read.per_doubling.value, 0.1);
  EXPECT_EQ(read.most_ranks, 8);
}

TEST(MeasuredRows, MatchTheMoreTheLongerTheWord) {
  const MeasuredRows rows{.software = {"kernels"}, .note = {"fast", "faster path"}};
  EXPECT_EQ(rows.match("nccl", "fast"), 0u);
  EXPECT_EQ(rows.match("kernels", "slow"), 0u);
  EXPECT_EQ(rows.match("kernels", "the fast one"), 5u);
  EXPECT_EQ(rows.match("kernels", "the faster path"), 12u);
  EXPECT_EQ((MeasuredRows{.software = {"kernels"}}.match("kernels", "")), 1u);
}

}  // namespace
}  // namespace supernode
