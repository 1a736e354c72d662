// Sweeps as typed: ranges, lists, bad input.
#include "scenarios/sweep_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace supernode {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<SweepAxis> good(const std::string& text) {
  Diagnostics diagnostics;
  auto axes = parse_sweep({text}, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  return axes;
}

std::string message(const std::string& text) {
  Diagnostics diagnostics;
  parse_sweep({text}, diagnostics);
  EXPECT_TRUE(diagnostics.has_errors()) << text;
  return diagnostics.render();
}

TEST(SweepSpec, ARangeDoublesAndEndsWithItsEnd) {
  EXPECT_THAT(good("ranks=8..384")[0].values, ElementsAre("8", "16", "32", "64", "128", "256", "384"));
  EXPECT_THAT(good("bytes=512KiB..4MiB")[0].values, ElementsAre("512 KiB", "1 MiB", "2 MiB", "4 MiB"));
  EXPECT_THAT(good("bytes=1 B..1 B")[0].values, ElementsAre("1 B"));
}

TEST(SweepSpec, ARangeGoesByAnotherFactorOrByAStep) {
  EXPECT_THAT(good("bytes=1KiB..20KiB:x4")[0].values, ElementsAre("1 KiB", "4 KiB", "16 KiB", "20 KiB"));
  EXPECT_THAT(good("ranks=8..32:+8")[0].values, ElementsAre("8", "16", "24", "32"));
  EXPECT_THAT(good("fabric.scale_up.hop_latency=0.5us..1.5us:+0.5us")[0].values,
              ElementsAre("0.5 us", "1 us", "1.5 us"));
}

// 0.784 TB/s are 784 GB/s: the first value's unit is kept.
TEST(SweepSpec, EndsMayHaveTwoUnitsOfOneKind) {
  EXPECT_THAT(good("fabric.scale_up.bandwidth=196GB/s..0.784TB/s")[0].values,
              ElementsAre("196 GB/s", "392 GB/s", "784 GB/s"));
}

TEST(SweepSpec, ListsAndSeveralKeys) {
  const auto axes = good("bytes=1KiB,1 MiB,algorithm=ring,tree,ranks=8");
  ASSERT_EQ(axes.size(), 3u);
  EXPECT_EQ(axes[0].key, "bytes");
  EXPECT_THAT(axes[0].values, ElementsAre("1KiB", "1 MiB"));
  EXPECT_THAT(axes[1].values, ElementsAre("ring", "tree"));
  const auto points = sweep_points(axes);
  ASSERT_EQ(points.size(), 4u);
  EXPECT_EQ(points[1][0].value, "1KiB") << "the last axis runs fastest";
  EXPECT_EQ(points[1][1].value, "tree");
  EXPECT_EQ(sweep_points({}).size(), 1u);
}

TEST(SweepSpec, BadInputSaysWhere) {
  EXPECT_THAT(message(""), HasSubstr("a sweep is KEY=VALUES"));
  EXPECT_THAT(message("bytes"), HasSubstr("a sweep is KEY=VALUES"));
  EXPECT_THAT(message("=1KiB"), HasSubstr("no key before '='"));
  EXPECT_THAT(message("ranks=8,,16"), HasSubstr("--sweep:1:9: error: 'ranks' has an empty value"));
  EXPECT_THAT(message("ranks=8,ranks=16"), HasSubstr("'ranks' is swept twice"));
  EXPECT_THAT(message("bytes=1KiB..1 GB/s"), HasSubstr("have no common unit"));
  EXPECT_THAT(message("bytes=1KiB..8"), HasSubstr("have no common unit"));
  EXPECT_THAT(message("ranks=64..8"), HasSubstr("goes upwards"));
  EXPECT_THAT(message("ranks=0..8"), HasSubstr("above zero"));
  EXPECT_THAT(message("algorithm=ring..tree"), HasSubstr("'ring' is no number or quantity"));
  EXPECT_THAT(message("ranks=8..64:x1"), HasSubstr("a factor above 1"));
  EXPECT_THAT(message("ranks=8..64:+1KiB"), HasSubstr("a factor above 1"));
  EXPECT_THAT(message("bytes=1B..1GiB:+1B"), HasSubstr("more than 10,000 values"));
  EXPECT_THAT(message("a=1..1000:+1,b=1..1000:+1"), HasSubstr("1000000 points"));
}

}  // namespace
}  // namespace supernode
