#include "calibration/kernel_fit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "calibration/gemm_cost.hpp"
#include "calibration/kernel_cost.hpp"
#include "calibration/kernel_prediction.hpp"
#include "calibration/robust_fit.hpp"
#include "catalog_chips.hpp"

namespace supernode {
namespace {

using test::catalog_chip;

TEST(RobustFit, RecoversALineDespiteAnOutlier) {
  // ln y = ln(2 x + 5); one row is off by a factor of e.
  const std::vector<FitParameter> parameters = {{"slope", 1, 0.01, 100}, {"offset", 1, 0.01, 100}};
  const Residuals residuals = [](std::span<const double> p, std::span<double> out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double x = static_cast<double>(i);
      out[i] = std::log((p[0] * x + p[1]) / (2 * x + 5)) + (i == 3 ? 1.0 : 0.0);
    }
  };
  const FitOutcome outcome = robust_fit(parameters, 30, residuals, {.max_iterations = 200, .huber = 0.01});
  EXPECT_NEAR(outcome.parameters[0], 2, 0.02);
  EXPECT_NEAR(outcome.parameters[1], 5, 0.1);
}

TEST(RobustFit, StaysWithinBounds) {
  const Residuals residuals = [](std::span<const double> p, std::span<double> out) { out[0] = std::log(p[0] / 50); };
  EXPECT_DOUBLE_EQ(robust_fit({{"p", 1, 0.1, 10}}, 1, residuals).parameters[0], 10);
}

TEST(Quantile, InterpolatesBetweenOrderStatistics) {
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 1), 4);
  EXPECT_DOUBLE_EQ(quantile({}, 0.5), 0);
}

// A trace that the model itself makes of the chip's fit.
std::vector<KernelTraceRow> synthetic(const ChipSpec& truth) {
  const auto model = make_kernel_cost_model(truth);
  std::vector<KernelTraceRow> rows;
  for (std::int64_t m : {1, 16, 128, 512, 1024, 3072, 8192, 32768})
    for (std::int64_t n : {512, 2048, 7168, 16384})
      for (std::int64_t k : {512, 2048, 8192}) {
        KernelTraceRow row;
        row.kernel = GemmKernel{.m = m, .n = n, .k = k};
        row.measured = model->cost(row.kernel).time;
        rows.push_back(row);
      }
  return rows;
}

TEST(KernelFit, RecoversTheParametersOfASyntheticTrace) {
  // The parameters that shape the curve stand where the prior is centred, so that it pulls nothing away.
  ChipSpec truth = catalog_chip("h100");
  const GemmParameters shape;
  truth.fit.parameters["gemm.bf16.k_ramp"].value = shape.k_ramp;
  truth.fit.parameters["gemm.bf16.tile_penalty"].value = shape.tile_penalty;
  truth.fit.parameters["gemm.bf16.wave"].value = shape.wave;
  truth.fit.parameters["gemm.bf16.serial"].value = shape.serial;
  truth.fit.launch.value = Seconds(5e-6);
  truth.fit.parameters["gemm.bf16.efficiency"].value = 0.62;
  truth.fit.parameters["gemm.bf16.memory"].value = 0.7;
  const KernelFitResult result = fit_kernels(truth, synthetic(truth));
  EXPECT_NEAR(result.fit.parameters.at("gemm.bf16.efficiency").value, 0.62, 0.02);
  EXPECT_NEAR(result.fit.parameters.at("gemm.bf16.memory").value, 0.7, 0.03);
  EXPECT_NEAR(result.fit.launch.value.value(), 5e-6, 0.3e-6);
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_LT(result.errors[0].p90_abs_error, 0.03);
  EXPECT_EQ(result.errors[0].rows, 96);
}

TEST(KernelFit, IsDeterministic) {
  const ChipSpec chip = catalog_chip("h100");
  const auto rows = synthetic(chip);
  EXPECT_EQ(emit_fit(fit_kernels(chip, rows).fit), emit_fit(fit_kernels(chip, rows).fit));
}

TEST(KernelFit, ASlowerRowOfTheSameShapeDoesNotCount) {
  const ChipSpec chip = catalog_chip("h100");
  std::vector<KernelTraceRow> rows = synthetic(chip);
  const auto clean = fit_kernels(chip, rows).fit;
  for (std::size_t i = 0; i < 96; ++i) {
    rows.push_back(rows[i]);
    rows.back().measured *= 3;
  }
  EXPECT_EQ(emit_fit(fit_kernels(chip, rows).fit), emit_fit(clean));
}

TEST(KernelFit, EmittedTextReadsBack) {
  const ChipSpec chip = catalog_chip("h100");
  std::string text;
  for (const EmbeddedFile& file : chip_catalog())
    if (file.name == "h100") text = file.text.substr(0, file.text.find("fit:\n"));
  Diagnostics diagnostics;
  const ChipSpec back = test::parse_chip("h.yaml", text + emit_fit(chip.fit), diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_EQ(back.fit.parameters.size(), chip.fit.parameters.size());
  EXPECT_EQ(back.fit.residuals.size(), chip.fit.residuals.size());
  EXPECT_EQ(emit_fit(back.fit), emit_fit(chip.fit));
}

TEST(BorrowMissing, TakesWhatIsMissingAndWidensItsDeviation) {
  KernelFit own, sibling;
  const auto set = [](KernelFit& fit, const std::string& name, double v) { fit.parameters[name].value = v; };
  set(own, "gemm.bf16.efficiency", 0.8);
  set(sibling, "gemm.bf16.efficiency", 0.5);
  set(sibling, "gemm.forward", 0.7);
  set(sibling, "gemm.dgrad", 0.63);
  set(sibling, "attention.backward.bf16.efficiency", 0.4);
  set(sibling, "attention.backward.bf16.deviation", 0.2);
  set(sibling, "grouped_gemm.bf16.efficiency", 0.28);
  borrow_missing(own, sibling, "Sibling");
  EXPECT_DOUBLE_EQ(own.parameters.at("gemm.bf16.efficiency").value, 0.8);
  EXPECT_FALSE(own.parameters.contains("gemm.forward"));                            // a rate of its own machine's state
  EXPECT_DOUBLE_EQ(own.parameters.at("gemm.dgrad").value, 0.9);                     // 0.63 / 0.7
  EXPECT_DOUBLE_EQ(own.parameters.at("grouped_gemm.bf16.efficiency").value, 0.64);  // 0.28 x 0.8 / (0.5 x 0.7)
  EXPECT_DOUBLE_EQ(own.parameters.at("attention.backward.bf16.efficiency").value, 0.4);
  EXPECT_NEAR(own.parameters.at("attention.backward.bf16.deviation").value, 0.3, 1e-12);
  EXPECT_EQ(own.parameters.at("gemm.dgrad").confidence, Confidence::kDerived);
}

TEST(BorrowMissing, AThrottledChipReachesMoreOfItsPeak) {
  // A fifth of the sibling's matrix rate per core and clock: 0.7 x 5 is more than any chip reaches; what is counted in
  // matrix time shrinks to a fifth.
  KernelFit own, sibling;
  sibling.parameters["gemm.bf16.efficiency"].value = 0.7;
  sibling.parameters["gemm.bf16.k_ramp"].value = 100;
  sibling.parameters["attention.forward.bf16.head_half"].value = 30;
  sibling.parameters["attention.forward.bf16.efficiency"].value = 0.1;
  borrow_missing(own, sibling, "Sibling", 5);
  EXPECT_DOUBLE_EQ(own.parameters.at("gemm.bf16.efficiency").value, 0.97);
  EXPECT_DOUBLE_EQ(own.parameters.at("gemm.bf16.k_ramp").value, 20);
  EXPECT_DOUBLE_EQ(own.parameters.at("attention.forward.bf16.head_half").value, 6);
  EXPECT_DOUBLE_EQ(own.parameters.at("attention.forward.bf16.efficiency").value, 0.5);
}

TEST(BorrowMissing, CorrectionsComeWithTheirClassButNotThoseOfTrainingPasses) {
  KernelFit own, sibling;
  own.parameters["gemm.fp8.efficiency"].value = 0.5;
  for (const char* name : {"gemm.bf16", "gemm.fp8", "gemm.dgrad"}) sibling.residuals[name].bumps = {{{}, 0.1}};
  borrow_missing(own, sibling, "Sibling");
  EXPECT_TRUE(own.residuals.contains("gemm.bf16"));
  EXPECT_FALSE(own.residuals.contains("gemm.fp8"));    // own class, own traces
  EXPECT_FALSE(own.residuals.contains("gemm.dgrad"));  // another machine's power state
}

TEST(MatrixHeadroom, OnlyAThrottledChipHasIt) {
  // 989 TFLOPS of 132 x 1.83 GHz is 4096 FLOP a core and clock, 148 of 78 x 1.98 GHz is 958.
  EXPECT_NEAR(matrix_headroom(catalog_chip("h20"), catalog_chip("h100")), 4.27, 0.02);
  EXPECT_DOUBLE_EQ(matrix_headroom(catalog_chip("h800"), catalog_chip("h100")), 1);
  EXPECT_DOUBLE_EQ(matrix_headroom(catalog_chip("h100"), catalog_chip("h20")), 1);
}

// Every measured row of the reference against the shipped fits, when the reference lies beside the source tree.
class Reference : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = std::filesystem::path(SUPERNODE_SOURCE_DIR).parent_path() / "shared/reference/kernels.csv";
    std::ifstream file(path);
    if (!file) GTEST_SKIP() << "no reference figures here";
    std::stringstream text;
    text << file.rdbuf();
    file_ = {"kernels.csv", text.str()};
  }

  std::map<std::string, KernelClassError> errors(const std::string& chip, const std::string& filter) {
    Diagnostics diagnostics;
    const auto rows = read_kernel_trace(file_, filter, diagnostics);
    EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
    std::map<std::string, KernelClassError> result;
    for (const KernelClassError& error : kernel_errors(catalog_chip(chip), *rows)) result[error.name] = error;
    return result;
  }

  SourceFile file_;
};

TEST_F(Reference, GemmWithinTenPercentMedianAndThirtyAtTheNinetieth) {
  for (const auto& [chip, filter] : std::vector<std::pair<std::string, std::string>>{{"a100", "a100-sxm"},
                                                                                     {"h100", "h100"},
                                                                                     {"h800", "h800"},
                                                                                     {"b200", "b200"},
                                                                                     {"gb200", "gb200"},
                                                                                     {"ascend-910c", "ascend-910c"}}) {
    for (const auto& [name, error] : errors(chip, filter)) {
      if (name.find("gemm") == std::string::npos || error.rows < 9 || name.ends_with(" grouped")) continue;
      EXPECT_LE(error.median_abs_error, 0.10) << chip << " " << name;
      EXPECT_LE(error.p90_abs_error, 0.31) << chip << " " << name;
    }
  }
}

TEST_F(Reference, AttentionWithinTenPercentMedian) {
  for (const auto& [chip, filter] :
       std::vector<std::pair<std::string, std::string>>{{"h100", "h100"}, {"b200", "b200"}, {"gb200", "gb200"}}) {
    for (const auto& [name, error] : errors(chip, filter)) {
      if (!name.starts_with("attention")) continue;
      EXPECT_LE(error.median_abs_error, 0.10) << chip << " " << name;
      EXPECT_LE(error.p90_abs_error, 0.25) << chip << " " << name;
    }
  }
}

// The targets of the models, over every row of the trace and every chip of the catalogue, as `predict kernels` counts.
TEST_F(Reference, EveryRowTogetherIsWithinTheTargets) {
  Diagnostics diagnostics;
  const auto rows = read_kernel_rows(file_, diagnostics);
  ASSERT_TRUE(rows.has_value());
  std::map<std::string, ChipSpec> chips;
  const auto chip = [&](const std::string& name) {
    if (!chips.contains(name)) chips[name] = catalog_chip(name);
    return &chips[name];
  };
  std::vector<double> gemm, attention;
  double inside = 0, all = 0;
  for (const KernelPrediction& p : predict_kernels(*rows, chip)) {
    if (!p.skipped.empty()) continue;
    const double error = std::abs(p.time / p.row->measured - 1);
    if (p.op_class.starts_with("gemm") || p.op_class.starts_with("grouped")) gemm.push_back(error);
    if (p.op_class.starts_with("attention")) attention.push_back(error);
    all += 1, inside += std::abs(standard_score(p)) <= 1.645;
  }
  EXPECT_GT(all, 12000);
  EXPECT_LE(quantile(gemm, 0.5), 0.04);
  EXPECT_LE(quantile(gemm, 0.9), 0.125);
  EXPECT_LE(quantile(attention, 0.5), 0.06);
  EXPECT_LE(quantile(attention, 0.9), 0.175);
  EXPECT_GE(inside / all, 0.80);
  EXPECT_LE(inside / all, 0.97);
}

TEST_F(Reference, RefittingTheTraceGivesTheShippedEfficiency) {
  Diagnostics diagnostics;
  const auto rows = read_kernel_trace(file_, "h100", diagnostics);
  std::vector<KernelTraceRow> bf16;
  for (const KernelTraceRow& row : *rows)
    if (const auto* g = std::get_if<GemmKernel>(&row.kernel); g && g->precision == Precision::kBf16)
      bf16.push_back(row);
  const ChipSpec chip = catalog_chip("h100");
  const KernelFit fit = fit_kernels(chip, bf16).fit;
  for (const char* name : {"gemm.bf16.efficiency", "gemm.bf16.memory", "gemm.bf16.k_ramp"})
    EXPECT_NEAR(fit.parameters.at(name).value / chip.fit.parameters.at(name).value, 1, 1e-3) << name;
}

}  // namespace
}  // namespace supernode
