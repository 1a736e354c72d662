#include "base/units.hpp"

#include <gtest/gtest.h>

#include "base/quantity.hpp"

namespace supernode {
namespace {

using namespace literals;

constexpr Dimension kTime{1, 0, 0}, kData{0, 1, 0}, kBandwidth{-1, 1, 0}, kRate{-1, 0, 1};

TEST(Units, DecimalBinaryAndBits) {
  EXPECT_DOUBLE_EQ(parse_quantity("392 GB/s", kBandwidth, false).si, 392e9);
  EXPECT_DOUBLE_EQ(parse_quantity("400 Gbps", kBandwidth, false).si, 50e9);
  EXPECT_DOUBLE_EQ(parse_quantity("128GiB", kData, false).si, 128.0 * (1ull << 30));
  EXPECT_DOUBLE_EQ(parse_quantity("128 GB", kData, false).si, 128e9);
  EXPECT_DOUBLE_EQ(parse_quantity("1.2 us", kTime, false).si, 1.2e-6);
  EXPECT_DOUBLE_EQ(parse_quantity("353.9 TFLOPS", kRate, false).si, 353.9e12);
}

TEST(Units, ErrorsSayWhatWouldBeRight) {
  EXPECT_NE(parse_quantity("392", kBandwidth, false).error.find("has no unit"), std::string::npos);
  EXPECT_NE(parse_quantity("392 gb/s", kBandwidth, false).error.find("did you mean"), std::string::npos);
  EXPECT_NE(parse_quantity("392 GB", kBandwidth, false).error.find("unit of data, not of bandwidth"),
            std::string::npos);
  EXPECT_NE(parse_quantity("fast", kBandwidth, false).error.find("expected bandwidth"), std::string::npos);
  for (const char* bad : {"-1 GB/s", "0 GB/s", "nan GB/s", "1e400 GB/s", "1e-300 B/s", "1e30 GB/s", ""})
    EXPECT_FALSE(parse_quantity(bad, kBandwidth, false).ok) << bad;
  EXPECT_TRUE(parse_quantity("0 GB/s", kBandwidth, true).ok);
}

TEST(Units, FormatsInReadableUnits) {
  EXPECT_EQ(format_quantity(392e9, kBandwidth), "392 GB/s");
  EXPECT_EQ(format_quantity(1.2e-6, kTime), "1.2 us");
  EXPECT_EQ(format_quantity(3.2e12, kBandwidth), "3.2 TB/s");
  EXPECT_EQ(format_quantity(707.8e12, kRate), "707.8 TFLOPS");
}

TEST(Quantity, DimensionsFollowArithmetic) {
  const Seconds t = 90_GB / 900_GBps;
  EXPECT_DOUBLE_EQ(t.value(), 0.1);
  const double ratio = t / 1_ms;
  EXPECT_DOUBLE_EQ(ratio, 100);
  const Flops work = 100_TFLOPS * 2_s;
  EXPECT_DOUBLE_EQ(work.value(), 2e14);
  static_assert(std::is_same_v<decltype(1_GB / 1_s), BytesPerSecond>);
}

}  // namespace
}  // namespace supernode
