#include "calibration/chip_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog_chips.hpp"

namespace supernode {
namespace {

using test::catalog_chip;
using test::parse_chip;

TEST(ChipCatalog, EveryFileBindsWithoutDiagnostics) {
  EXPECT_GE(chip_catalog().size(), 8u);
  for (const EmbeddedFile& file : chip_catalog()) {
    Diagnostics diagnostics;
    const ChipSpec chip = parse_chip(file.path, file.text, diagnostics);
    EXPECT_TRUE(diagnostics.all().empty()) << diagnostics.render();
    EXPECT_EQ(chip.name, file.name);
  }
}

TEST(ChipCatalog, EveryValueHasASource) {
  for (const EmbeddedFile& file : chip_catalog()) {
    const ChipSpec chip = catalog_chip(file.name);
    for (const auto& [precision, peak] : chip.peak) EXPECT_FALSE(peak.source.empty()) << file.name;
    for (const auto& [name, value] : chip.fit.parameters)
      EXPECT_FALSE(value.source.empty()) << file.name << " " << name;
    EXPECT_FALSE(chip.fit.traces.empty()) << file.name;
  }
}

TEST(ChipCatalog, Ascend910cHostsTwoRanks) {
  const ChipSpec chip = catalog_chip("ascend-910c");
  EXPECT_EQ(chip.devices_per_chip, 2);
  EXPECT_DOUBLE_EQ(chip.device_peak(Precision::kBf16).value(), 353.9e12);
  EXPECT_DOUBLE_EQ(chip.device_hbm_bandwidth().value(), 1.6e12);
  EXPECT_DOUBLE_EQ(chip.device_hbm_capacity().value(), 64.0 * 1073741824);
}

TEST(ChipCatalog, Ascend910cRunsFp8AsBf16) {
  const ChipSpec chip = catalog_chip("ascend-910c");
  for (Precision p : {Precision::kFp8, Precision::kFp8Block, Precision::kMxfp8, Precision::kFp4})
    EXPECT_EQ(chip.effective(p), Precision::kBf16);
  EXPECT_EQ(chip.effective(Precision::kInt8), Precision::kInt8);
}

// What software runs on a chip that lacks a format, by generation.
TEST(ChipCatalog, FormatsByGeneration) {
  using enum Precision;
  for (const char* ampere : {"a100", "a100-40gb", "a800", "ascend-910b", "ascend-910b-313t"})
    for (const Precision p : {kFp8, kFp8Block, kMxfp8, kFp4})
      EXPECT_EQ(catalog_chip(ampere).effective(p), kBf16) << ampere;
  for (const char* hopper : {"h100", "h200", "h800", "h20"}) {
    EXPECT_EQ(catalog_chip(hopper).effective(kFp8), kFp8) << hopper;
    EXPECT_EQ(catalog_chip(hopper).effective(kMxfp8), kFp8Block) << hopper;
    EXPECT_EQ(catalog_chip(hopper).effective(kFp4), kFp8) << hopper;
  }
  for (const char* blackwell : {"b200", "gb200", "b300", "gb300", "rubin", "ascend-950pr", "ascend-950dt"})
    for (const Precision p : {kFp8, kFp8Block, kMxfp8, kFp4})
      EXPECT_EQ(catalog_chip(blackwell).effective(p), p) << blackwell;
  EXPECT_EQ(catalog_chip("ascend-910a").effective(kBf16), kFp16);
}

// Cores x 8192 FLOP x clock (16 x 16 x 16 multiply-adds a cycle in each cube), within the datasheets' rounding.
TEST(ChipCatalog, AscendPeaksAreTheirCoresTimesTheirClock) {
  for (const char* name :
       {"ascend-910a", "ascend-910b", "ascend-910b-313t", "ascend-910c", "ascend-950pr", "ascend-950dt"}) {
    const ChipSpec chip = catalog_chip(name);
    const double cubes = static_cast<double>(chip.cores.value) * 8192 * chip.clock.value.value();
    EXPECT_NEAR(chip.peak.at(Precision::kFp16).value.value() / cubes, 1, 2e-3) << name;
  }
}

TEST(ChipCatalog, Gb200IsOneRankOfTwoDies) {
  const ChipSpec chip = catalog_chip("gb200");
  EXPECT_EQ(chip.dies, 2);
  EXPECT_EQ(chip.devices_per_chip, 1);
  EXPECT_DOUBLE_EQ(chip.device_peak(Precision::kMxfp8).value(), 5000e12);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string text_of(const std::string& name) {
  for (const EmbeddedFile& file : chip_catalog())
    if (file.name == name) return file.text;
  return "";
}

TEST(ChipSpec, UnknownFallbackIsALocatedErrorWithASuggestion) {
  Diagnostics diagnostics;
  parse_chip("c.yaml", replaced(text_of("ascend-910c"), "fp8: bf16", "fp8: bf61"), diagnostics);
  EXPECT_THAT(diagnostics.render(), testing::HasSubstr("unknown precision 'bf61'; did you mean 'bf16'?"));
  EXPECT_GT(diagnostics.all().front().position.line, 1);
}

TEST(ChipSpec, AFormatWithoutPeakAndFallbackIsAnError) {
  Diagnostics diagnostics;
  parse_chip("c.yaml", replaced(text_of("ascend-910c"), "fp8: bf16, ", ""), diagnostics);
  EXPECT_THAT(diagnostics.render(), testing::HasSubstr("'fp8' has neither a peak nor a fallback"));
}

TEST(ChipSpec, FallbacksThatGoRoundAreAnError) {
  Diagnostics diagnostics;
  parse_chip("c.yaml", replaced(text_of("ascend-910c"), "fp8: bf16, fp8_block: bf16", "fp8: fp8_block, fp8_block: fp8"),
             diagnostics);
  EXPECT_THAT(diagnostics.render(), testing::HasSubstr("'fp8' has neither"));
}

TEST(ChipSpec, AMisspelledPeakIsAnErrorWithASuggestion) {
  Diagnostics diagnostics;
  parse_chip("c.yaml", replaced(text_of("h100"), "  bf16:", "  bf_16:"), diagnostics);
  EXPECT_THAT(diagnostics.render(), testing::HasSubstr("did you mean 'bf16'"));
}

TEST(ChipSpec, CoresMustDivideAmongDevices) {
  Diagnostics diagnostics;
  parse_chip("c.yaml", replaced(text_of("ascend-910c"), "cores: {value: 48", "cores: {value: 47"), diagnostics);
  EXPECT_THAT(diagnostics.render(), testing::HasSubstr("47 cores cannot be shared by 2 devices"));
}

}  // namespace
}  // namespace supernode
