#include "calibration/kernel_cost.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "catalog_chips.hpp"

namespace supernode {
namespace {

using test::catalog_chip;
using test::plain_chip;

KernelCost cost(const ChipSpec& chip, const Kernel& kernel) { return make_kernel_cost_model(chip)->cost(kernel); }

TEST(GemmCost, OneTileOnOneCore) {
  // 2 x 128 x 128 x 4096 FLOP at 1 TFLOP/s = 134.217728 us, and 1 us to launch.
  const KernelCost c = cost(plain_chip(1), GemmKernel{.m = 128, .n = 128, .k = 4096});
  EXPECT_NEAR(c.time.value(), 135.217728e-6, 1e-12);
  EXPECT_NEAR(c.compute.value(), 134.217728e-6, 1e-12);
}

TEST(GemmCost, KRampAddsItsElementsToEachTile) {
  ChipSpec chip = plain_chip(1);
  chip.fit.parameters["gemm.bf16.k_ramp"].value = 4096;  // doubles the steps of the case above
  EXPECT_NEAR(cost(chip, GemmKernel{.m = 128, .n = 128, .k = 4096}).time.value(), 269.435456e-6, 1e-12);
}

TEST(GemmCost, OneTileMoreThanCoresTakesAnotherWave) {
  const ChipSpec chip = plain_chip(4);  // a core has 0.25 TFLOP/s: a tile of k = 512 takes 67.108864 us
  const auto time = [&](std::int64_t tiles) {
    return cost(chip, GemmKernel{.m = 128 * tiles, .n = 128, .k = 512}).time.value();
  };
  EXPECT_NEAR(time(4), 68.108864e-6, 1e-12);
  EXPECT_NEAR(time(5), 135.217728e-6, 1e-12);
  EXPECT_NEAR(time(8), 135.217728e-6, 1e-12);
}

TEST(GemmCost, SoftWavesChargeTheShareOfTheLastOne) {
  ChipSpec chip = plain_chip(4);
  chip.fit.parameters["gemm.bf16.wave"].value = 0.5;  // 5 tiles: half of 5/4 and half of 2 waves = 1.625
  EXPECT_NEAR(cost(chip, GemmKernel{.m = 640, .n = 128, .k = 512}).time.value(), 1e-6 + 1.625 * 67.108864e-6, 1e-12);
}

TEST(GemmCost, MemoryBound) {
  // A row times 8192 x 8192 in bf16: 2 x (8192 + 8192^2 + 8192) B = 134.250496 MB at 0.5 TB/s = 268.500992 us.
  ChipSpec chip = plain_chip(1);
  for (auto& [precision, peak] : chip.peak) peak.value = FlopsPerSecond(1e18);
  chip.fit.parameters["gemm.bf16.memory"].value = 0.5;
  EXPECT_NEAR(cost(chip, GemmKernel{.m = 1, .n = 8192, .k = 8192}).time.value(), 269.500992e-6, 1e-11);
}

TEST(GemmCost, SerialShareAddsToTheLonger) {
  ChipSpec chip = plain_chip(1);
  chip.fit.parameters["gemm.bf16.serial"].value = 0.5;
  // Operands and result: 2 x (2 x 128 x 4096 + 128^2) B at 1 TB/s = 2.12992 us, half of it after the computation.
  EXPECT_NEAR(cost(chip, GemmKernel{.m = 128, .n = 128, .k = 4096}).time.value(), 136.282688e-6, 1e-12);
}

TEST(GemmCost, SplittingKFillsIdleCores) {
  ChipSpec chip = plain_chip(4);
  const GemmKernel g{.m = 128, .n = 128, .k = 16384};
  const double whole = cost(chip, g).time.value();
  chip.fit.parameters["gemm.bf16.max_split"].value = 4;
  const double split = cost(chip, g).time.value();
  EXPECT_NEAR(whole, 1e-6 + 4 * 536.870912e-6, 1e-12);  // one core of four works
  EXPECT_NEAR(split, 1e-6 + 536.870912e-6, 1e-12);
}

TEST(GemmCost, OperandsLargerThanTheCacheAreReadAgain) {
  ChipSpec chip = plain_chip(4);
  for (auto& [precision, peak] : chip.peak) peak.value = FlopsPerSecond(1e18);
  const GemmKernel g{.m = 4096, .n = 4096, .k = 4096};
  const double cached = cost(chip, g).time.value();
  chip.l2_capacity.value = Bytes(1e5);
  // Patches of 256 x 256: each operand (2 x 4096^2 B) is read 16 times instead of once.
  const double once = 2 * 4096.0 * 4096.0 / 1e12;
  EXPECT_NEAR(cached, 1e-6 + 3 * once, 1e-11);
  EXPECT_NEAR(cost(chip, g).time.value(), 1e-6 + 33 * once, 1e-10);
}

TEST(GemmCost, AccumulatingGradientsMovesFourTimesTheResult) {
  ChipSpec chip = plain_chip(1);
  for (auto& [precision, peak] : chip.peak) peak.value = FlopsPerSecond(1e18);
  const double plain = cost(chip, GemmKernel{.m = 4096, .n = 4096, .k = 64}).memory.value();
  const double accumulate =
      cost(chip, GemmKernel{.m = 4096, .n = 4096, .k = 64, .pass = Pass::kWgrad, .accumulate = true}).memory.value();
  EXPECT_NEAR(accumulate - plain, 4096.0 * 4096.0 * (8 - 2) / 1e12, 1e-12);
}

TEST(GemmCost, Fp8OnAscendCostsWhatBf16Does) {
  const ChipSpec chip = catalog_chip("ascend-910c");
  const auto at = [&](Precision p) { return cost(chip, GemmKernel{.m = 4096, .n = 7168, .k = 2048, .precision = p}); };
  EXPECT_EQ(at(Precision::kFp8Block).time, at(Precision::kBf16).time);
  EXPECT_EQ(at(Precision::kFp8Block).memory, at(Precision::kBf16).memory);
}

TEST(AttentionCost, OneUnitByHand) {
  ChipSpec chip = plain_chip(1);
  const auto set = [&](const std::string& name, double value) {
    chip.fit.parameters["attention.forward.bf16." + name].value = value;
  };
  set("efficiency", 0.5), set("head_half", 128), set("block", 128), set("sequence_ramp", 0), set("tail", 0);
  set("memory", 1);
  // 4 x 128 wide x 128 rows x 1024 keys = 67.108864 MFLOP at 1 TFLOP/s x 0.5 / (1 + 128/128).
  const AttentionKernel a{.batch = 1,
                          .heads = 1,
                          .kv_heads = 1,
                          .seq_q = 128,
                          .seq_kv = 1024,
                          .head_dim = 128,
                          .head_dim_v = 128,
                          .causal = false};
  EXPECT_NEAR(cost(chip, a).time.value(), 1e-6 + 4 * 67.108864e-6, 1e-12);
}

TEST(AttentionCost, BackwardWithoutAFitOfItsOwnIsSlowerThanItsFlops) {
  ChipSpec chip = plain_chip(1);
  chip.fit.parameters["attention.forward.bf16.efficiency"].value = 0.5;
  AttentionKernel a{
      .batch = 1, .heads = 8, .kv_heads = 8, .seq_q = 4096, .seq_kv = 4096, .head_dim = 128, .head_dim_v = 128};
  const double forward = cost(chip, a).time.value() - 1e-6;
  a.backward = true;
  EXPECT_NEAR((cost(chip, a).time.value() - 1e-6) / forward, 2.5 / 0.8, 1e-9);
}

TEST(DecodeCost, CacheOverBandwidthAndPaddedRows) {
  // One sequence, 8 heads on 2 key/value heads, 1000 keys of 100 + 100: K and V are 2 x 2 x 1000 x 200 B / 2 = 0.8 MB,
  // queries and results 2 x 8 x 200 B; at 0.5 TB/s 1.6064 us. Four rows padded to 16: 2 x 2 x 16 x 1000 x 200 FLOP =
  // 12.8 us at 1 TFLOP/s, and half of the shorter shows; 1 us to launch.
  ChipSpec chip = plain_chip(1);
  const auto set = [&](const std::string& name, double value) {
    chip.fit.parameters["attention.decode.bf16." + name].value = value;
  };
  set("efficiency", 1), set("memory", 0.5), set("block", 16), set("half_bytes", 0), set("serial", 0.5);
  set("launch", 1e-6);
  const AttentionKernel a{.batch = 1,
                          .heads = 8,
                          .kv_heads = 2,
                          .seq_q = 1,
                          .seq_kv = 1000,
                          .head_dim = 100,
                          .head_dim_v = 100,
                          .causal = false};
  EXPECT_NEAR(cost(chip, a).time.value(), 1e-6 + 12.8e-6 + 0.5 * 1.6064e-6, 1e-12);
}

TEST(VectorCost, FillingAllCoresTakesLongerToLaunch) {
  ChipSpec chip = plain_chip();
  chip.fit.parameters["vector.head"].value = 20e-6;
  const auto time = [&](double bytes) {
    return cost(chip, VectorKernel{VectorKind::kNorm, Bytes(bytes), Bytes(0), Flops(0)}).time.value();
  };
  EXPECT_NEAR(time(1e6), 1e-6 + 10e-6 + 1e-6, 1e-12);  // a megabyte fills half of them
  EXPECT_NEAR(time(1e8), 1e-6 + 20e-6 + 100e-6, 1e-9);
  EXPECT_NEAR(time(1e4), 1e-6 + 1e-8, 1e-11);
}

TEST(VectorCost, BytesOverBandwidth) {
  const VectorKernel v{VectorKind::kNorm, Bytes(3e6), Bytes(1e6), Flops(0)};
  EXPECT_NEAR(cost(plain_chip(), v).time.value(), 5e-6, 1e-15);  // 4 MB at 1 TB/s and the launch
}

TEST(VectorCost, MoreFlopsAreNeverFaster) {
  for (const EmbeddedFile& file : chip_catalog()) {
    const auto model = make_kernel_cost_model(catalog_chip(file.name));
    Seconds last{};
    for (double f = 1e6; f < 1e15; f *= 3) {
      const Seconds now = model->cost(VectorKernel{VectorKind::kElementwise, Bytes(1e7), Bytes(1e7), Flops(f)}).time;
      EXPECT_GE(now, last);
      last = now;
    }
  }
}

TEST(Deviation, GrowsOutsideTheTracesAndForABorrowedClass) {
  ChipSpec chip = plain_chip();
  chip.fit.parameters["gemm.bf16.max_m"].value = 1024;
  const auto relative = [&](const GemmKernel& g) {
    const KernelCost c = cost(chip, g);
    return c.deviation / c.time;
  };
  EXPECT_NEAR(relative({.m = 1024, .n = 256, .k = 256}), 0.1, 1e-12);
  EXPECT_GT(relative({.m = 4096, .n = 256, .k = 256}), 0.1);
  EXPECT_GT(relative({.m = 16384, .n = 256, .k = 256}), relative({.m = 4096, .n = 256, .k = 256}));
  EXPECT_NEAR(relative({.m = 1024, .n = 256, .k = 256, .precision = Precision::kFp8}), 0.15, 1e-12);
}

std::int64_t log_uniform(std::mt19937& random, double low, double high) {
  const double u = static_cast<double>(random()) / 4294967296.0;
  return static_cast<std::int64_t>(std::lround(low * std::pow(high / low, u)));
}

Kernel random_kernel(std::mt19937& random) {
  const Precision precision = kAllPrecisions[random() % kAllPrecisions.size()];
  const auto flag = [&] { return random() % 2 == 0; };
  switch (random() % 3) {
    case 0:
      return GemmKernel{.m = log_uniform(random, 1, 1e5),
                        .n = log_uniform(random, 1, 1e5),
                        .k = log_uniform(random, 1, 1e5),
                        .groups = flag() ? 1 : log_uniform(random, 1, 256),
                        .precision = precision,
                        .pass = static_cast<Pass>(random() % 3),
                        .accumulate = flag()};
    case 1:
      return AttentionKernel{.batch = log_uniform(random, 1, 64),
                             .heads = log_uniform(random, 1, 128),
                             .kv_heads = 1,
                             .seq_q = log_uniform(random, 1, 1e5),
                             .seq_kv = log_uniform(random, 1, 1e5),
                             .head_dim = 64 * log_uniform(random, 1, 9),
                             .head_dim_v = 64 * log_uniform(random, 1, 9),
                             .causal = flag(),
                             .backward = flag(),
                             .precision = precision};
    default:
      return VectorKernel{static_cast<VectorKind>(random() % 10),
                          Bytes(static_cast<double>(log_uniform(random, 1, 1e10))),
                          Bytes(static_cast<double>(log_uniform(random, 1, 1e10))),
                          Flops(static_cast<double>(log_uniform(random, 1, 1e12)))};
  }
}

class EveryChip : public testing::TestWithParam<const char*> {};

TEST_P(EveryChip, NoKernelBeatsItsRoofline) {
  const ChipSpec chip = catalog_chip(GetParam());
  const auto model = make_kernel_cost_model(chip);
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    Kernel kernel = random_kernel(random);
    if (auto* g = std::get_if<GemmKernel>(&kernel)) g->precision = chip.effective(g->precision);
    if (auto* a = std::get_if<AttentionKernel>(&kernel)) a->precision = chip.effective(a->precision);
    const KernelCost c = model->cost(kernel);
    const bool vector = std::holds_alternative<VectorKernel>(kernel);
    const FlopsPerSecond peak = vector ? chip.vector_peak.value / static_cast<double>(chip.devices_per_chip)
                                       : chip.device_peak(arithmetic(kernel));
    EXPECT_GE(c.time, flops(kernel) / peak) << GetParam() << " kernel " << i;
    EXPECT_GE(c.time, traffic(kernel) / chip.device_hbm_bandwidth()) << GetParam() << " kernel " << i;
    EXPECT_TRUE(std::isfinite(c.time.value()) && c.deviation > Seconds(0));
  }
}

// The least ratio of a GEMM's time to that of half of its rows.
double least_growth(const ChipSpec& chip) {
  const auto model = make_kernel_cost_model(chip);
  double least = 2;
  for (std::int64_t n : {512, 4096, 16384})
    for (std::int64_t m = 1; m <= 65536; m *= 2)
      least = std::min(least, model->cost(GemmKernel{.m = 2 * m, .n = n, .k = 4096}).time /
                                  model->cost(GemmKernel{.m = m, .n = n, .k = 4096}).time);
  return least;
}

TEST_P(EveryChip, MoreRowsAreNeverMuchFaster) {
  // Tile and wave quantisation make time a staircase, but twice the work is never faster. A correction may tilt the
  // flat part, where memory binds, by what the traces show there: a few per cent.
  ChipSpec chip = catalog_chip(GetParam());
  EXPECT_GE(least_growth(chip), 0.95);
  chip.fit.residuals.clear();
  EXPECT_GE(least_growth(chip), 0.999);
}

INSTANTIATE_TEST_SUITE_P(Catalog, EveryChip,
                         testing::Values("a100", "h100", "h200", "h800", "b200", "gb200", "ascend-910b",
                                         "ascend-910c"));

}  // namespace
}  // namespace supernode
