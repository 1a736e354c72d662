// The correction of a class's curve near its traces: what it learns, where it vanishes, and when it is left out.

#include "calibration/kernel_residual.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "calibration/kernel_cost.hpp"
#include "calibration/kernel_prediction.hpp"
#include "calibration/kernel_tables.hpp"
#include "catalog_chips.hpp"

namespace supernode {
namespace {

// 20 x 12 shapes whose residual is a wave along the second axis, or a sign that no shape explains.
std::vector<ResidualRow> wave(double explained, double noise) {
  std::vector<ResidualRow> rows;
  for (int i = 0; i < 20; ++i)
    for (int j = 0; j < 12; ++j) {
      const double sign = (i * 7 + j * 5) % 2 == 0 ? 1 : -1;
      rows.push_back({{0.5 * i, 0.5 * j, 8, 0}, explained * std::sin(0.8 * 0.5 * j) + noise * sign, 1});
    }
  return rows;
}

TEST(ResidualModel, OneBumpByHand) {
  const ResidualModel model{2, {{{1, 2, 3, 0}, 0.2}}};
  EXPECT_DOUBLE_EQ(model.at({1, 2, 3, 0}).log_factor, 0.2);
  EXPECT_DOUBLE_EQ(model.at({1, 2, 3, 0}).closeness, 1);
  EXPECT_DOUBLE_EQ(model.at({3, 2, 3, 0}).log_factor, 0.2 * std::exp(-0.5));  // a length away
  EXPECT_LT(model.at({21, 2, 3, 0}).closeness, 1e-20);
}

TEST(ResidualModel, NeverCorrectsByMoreThanAThird) {
  const ResidualModel model{1, {{{}, 5}}};
  EXPECT_DOUBLE_EQ(model.at({}).log_factor, 0.3);
}

TEST(ResidualFit, LearnsASmoothSurfaceAndVanishesFarFromIt) {
  const ResidualFit fit = fit_residuals(wave(0.2, 0));
  ASSERT_FALSE(fit.model.bumps.empty());
  EXPECT_LT(fit.held_out, fit.before / 2);
  EXPECT_NEAR(fit.model.at({5, 2, 8, 0}).log_factor, 0.2 * std::sin(1.6), 0.05);
  EXPECT_NEAR(fit.model.at({5, 2, 40, 0}).log_factor, 0, 1e-9);
}

TEST(ResidualFit, LeavesNoiseAlone) { EXPECT_TRUE(fit_residuals(wave(0, 0.2)).model.bumps.empty()); }

TEST(ResidualFit, IsDeterministic) {
  KernelFit a, b;
  a.residuals["gemm.bf16"] = fit_residuals(wave(0.2, 0.02)).model;
  b.residuals["gemm.bf16"] = fit_residuals(wave(0.2, 0.02)).model;
  EXPECT_EQ(emit_kernel_tables(a, 0), emit_kernel_tables(b, 0));
}

TEST(KernelTables, ReadBackAsTheyWereWritten) {
  KernelFit fit;
  fit.residuals["gemm.bf16"] = {1.5, {{{1, 2, 3, 0}, 0.25}, {{4, 5, 6, 0}, -0.125}}};
  fit.covariances["gemm.bf16"] = {{"efficiency", "k_ramp"}, {0.5, -0.25, 2}};
  const std::string text = emit_kernel_tables(fit, 0);
  Diagnostics diagnostics;
  const YamlNode node = parse_yaml(std::make_shared<const SourceFile>(SourceFile{"t.yaml", text}), diagnostics);
  KernelFit back;
  SpecReader reader(node, "", diagnostics);
  bind_kernel_tables(back, reader);
  reader.finish();
  ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_EQ(emit_kernel_tables(back, 0), text);
  EXPECT_EQ(back.covariances.at("gemm.bf16").parameters, fit.covariances.at("gemm.bf16").parameters);
}

TEST(KernelTables, MistakesAreNamed) {
  Diagnostics diagnostics;
  const std::string text =
      "tables: h1000\nresiduals:\n  gemm.bf16: {length: 1, bumps: \"1 2 3\"}\ncovariances:\n  gemm.bf16: {parameters: "
      "\"a b\", values: \"1 2\"}\n";
  const YamlNode node = parse_yaml(std::make_shared<const SourceFile>(SourceFile{"t.yaml", text}), diagnostics);
  KernelFit fit;
  SpecReader reader(node, "", diagnostics);
  bind_kernel_tables(fit, reader);
  const std::string messages = diagnostics.render();
  EXPECT_NE(messages.find("no kernel tables 'h1000'; did you mean 'h100'?"), std::string::npos) << messages;
  EXPECT_NE(messages.find("'1 2 3' is not five numbers"), std::string::npos) << messages;
  EXPECT_NE(messages.find("2 parameters need 3 numbers, not 2"), std::string::npos) << messages;
}

TEST(CatalogueChip, NamesOfTraces) {
  EXPECT_EQ(catalogue_chip("a100-sxm-80gb"), "a100");
  EXPECT_EQ(catalogue_chip("a100-pcie-80gb"), "a100-pcie");
  EXPECT_EQ(catalogue_chip("ascend-910c-die"), "ascend-910c");
  EXPECT_EQ(catalogue_chip("ascend-910b3"), "ascend-910b-313t");
  EXPECT_EQ(catalogue_chip("mi300x"), "");
}

TEST(PredictKernels, SaysWhatItLeavesOut) {
  std::vector<KernelTraceRow> rows(3);
  rows[0].chip = "mi300x", rows[0].measured = Seconds(1e-3);
  rows[1].chip = "plain", rows[1].unusable = "the row has no shape";
  rows[2].chip = "h100-sxm", rows[2].kernel = GemmKernel{.m = 4096, .n = 4096, .k = 4096},
  rows[2].measured = Seconds(2e-4);
  rows[1].chip = "h100-sxm";
  const ChipSpec chip = test::catalog_chip("h100");
  const auto predicted = predict_kernels(rows, [&](const std::string&) { return &chip; });
  ASSERT_EQ(predicted.size(), 3u);
  EXPECT_EQ(predicted[0].skipped, "chip 'mi300x' is not in the catalogue");
  EXPECT_EQ(predicted[1].skipped, "the row has no shape");
  EXPECT_EQ(predicted[2].op_class, "gemm.bf16");
  EXPECT_EQ(predicted[2].time, make_kernel_cost_model(chip)->cost(rows[2].kernel).time);
}

// A correction moves the time of kernels near its traces, never below the roofline, and their deviation shrinks.
TEST(KernelCorrection, ActsNearItsTracesOnly) {
  ChipSpec chip = test::plain_chip();
  const GemmKernel near{.m = 512, .n = 512, .k = 512}, far{.m = 512, .n = 512, .k = 1 << 20};
  const auto plain = make_kernel_cost_model(chip);
  chip.fit.residuals["gemm.bf16"] = {1, {{shape_point(near), 0.1}}};
  chip.fit.parameters["gemm.bf16.near_deviation"].value = 0.04;
  const auto corrected = make_kernel_cost_model(chip);
  EXPECT_NEAR(corrected->cost(near).time / plain->cost(near).time, std::exp(0.1), 1e-12);
  EXPECT_NEAR(corrected->cost(near).deviation / corrected->cost(near).time, 0.04, 1e-12);
  EXPECT_NEAR(corrected->cost(far).time / plain->cost(far).time, 1, 1e-6);
  EXPECT_NEAR(corrected->cost(far).deviation / corrected->cost(far).time, 0.1, 1e-6);
  chip.fit.residuals["gemm.bf16"].bumps[0].weight = -0.3;
  const KernelCost bound = make_kernel_cost_model(chip)->cost(near);
  EXPECT_GE(bound.time, bound.compute);
}

}  // namespace
}  // namespace supernode
