#include "calibration/software_fit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "calibration/catalog.hpp"
#include "calibration/software_yaml.hpp"

namespace supernode {
namespace {

using enum SoftwareTerm;

// A step in closed form: matrix work, attention, memory-bound work and collectives, or the host if that takes longer.
struct Step {
  double gemm, attention, vector, up, out, operations;
};

double step_time(const Step& step, const SoftwareSpec& spec) {
  const double device = step.gemm * spec[kGemm] + step.attention * spec[kAttention] + step.vector * spec[kVector] +
                        step.up * spec[kScaleUp] + step.out * spec[kScaleOut];
  const double host = step.operations * (spec[kHostForward] + 2 * spec[kHostBackward]) / 3;
  return std::max(device, host) + spec[kHostStep];
}

// Steps of which each part dominates some.
std::vector<Step> steps() {
  std::vector<Step> out;
  for (int i = 0; i < 60; ++i) {
    const auto part = [&](int which, double large) { return i % 6 == which ? large : 0.1 * (1 + i % 7); };
    out.push_back({part(0, 9), part(1, 6), part(2, 5), part(3, 4), part(4, 4), i % 6 == 5 ? 4e5 : 1e3});
  }
  return out;
}

SoftwareSpec truth() {
  SoftwareSpec spec;
  spec.at(kGemm).value = 1.2;
  spec.at(kAttention).value = 1.5;
  spec.at(kVector).value = 2.0;
  spec.at(kScaleUp).value = 1.4;
  spec.at(kScaleOut).value = 1.8;
  spec.at(kHostForward).value = spec.at(kHostBackward).value = 60e-6;
  spec.at(kHostStep).value = 0.05;
  return spec;
}

// All rows are of the first software, each its own group; the second has none.
SoftwareFitInput synthetic(const std::vector<Step>& rows) {
  SoftwareFitInput input;
  input.software = {"measured", "unmeasured"};
  input.chips = {"one", "sibling"};
  input.families = {"family", "family"};
  for (std::size_t i = 0; i < rows.size(); ++i) input.rows.push_back({0, 0, static_cast<int>(i)});
  input.residuals = [rows](const std::vector<SoftwareTrial>& trials) {
    std::vector<double> out;
    for (const SoftwareTrial& trial : trials)
      out.push_back(std::log(step_time(rows[trial.row], trial_software(trial)) / step_time(rows[trial.row], truth())));
    return out;
  };
  return input;
}

TEST(SoftwareFit, RecoversTheTermsOfSyntheticSteps) {
  const SoftwareFit fit = fit_software(synthetic(steps()));
  const SoftwareSpec& found = fit.software[0];
  // Of the software and the clock only the quotient can be told from one chip.
  EXPECT_NEAR(found[kGemm] / fit.sustained[0].value, 1.2, 0.02);
  EXPECT_NEAR(found[kAttention] / fit.sustained[0].value, 1.5, 0.03);
  EXPECT_NEAR(found[kVector], 2.0, 0.1);
  EXPECT_NEAR(found[kScaleUp], 1.4, 0.1);
  EXPECT_NEAR(found[kScaleOut], 1.8, 0.1);
  EXPECT_NEAR((found[kHostForward] + 2 * found[kHostBackward]) / 3, 60e-6, 3e-6);  // all that these steps can tell
  for (double r : fit.residuals) EXPECT_LT(std::abs(r), 0.02);
  for (double r : fit.left_out) EXPECT_LT(std::abs(r), 0.05);
}

TEST(SoftwareFit, WithoutRowsASoftwareIsTheMeanAndLessSure) {
  const SoftwareFit fit = fit_software(synthetic(steps()));
  for (int t = 0; t < kSoftwareTerms; ++t) {
    const auto term = SoftwareTerm(t);
    EXPECT_NEAR(fit.software[1][term] / fit.mean[term], 1, 1e-3) << to_string(term);
    const auto at = static_cast<std::size_t>(t);
    EXPECT_GE(fit.software[1].covariance[at][at], fit.software[0].covariance[at][at]) << to_string(term);
  }
  EXPECT_NEAR(fit.sustained[1].value / fit.sustained[0].value, 1, 0.02);  // a sibling of the chip that has rows
  EXPECT_GT(fit.sustained[1].deviation, fit.sustained[0].deviation);
  EXPECT_EQ(fit.sustained[1].rows, 0);
}

TEST(SoftwareFit, IsTheSameToTheByte) {
  const auto text = [](const SoftwareFit& fit) { return emit_software(fit.software[0]); };
  EXPECT_EQ(text(fit_software(synthetic(steps()))), text(fit_software(synthetic(steps()))));
}

SoftwareSpec read(const std::string& text, Diagnostics& diagnostics) {
  const YamlNode node = parse_yaml(std::make_shared<const SourceFile>(SourceFile{"s.yaml", text}), diagnostics);
  SoftwareSpec spec;
  SpecReader reader(node, "", diagnostics);
  bind(spec, reader);
  reader.finish();
  return spec;
}

TEST(SoftwareYaml, ReadsBackWhatIsWritten) {
  SoftwareSpec spec = truth();
  spec.name = "s";
  spec.description = "a \"quoted\" one";
  spec.runs = "3 runs";
  for (auto& term : spec.terms) term.source = "fit", term.confidence = Confidence::kDerived;
  spec.unexplained = 0.125;
  spec.fitted = {kGemm, kHostStep};
  spec.covariance = {{0.0025, -0.001}, {-0.001, 0.04}};
  Diagnostics diagnostics;
  const SoftwareSpec back = read(emit_software(spec), diagnostics);
  ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  for (int t = 0; t < kSoftwareTerms; ++t) {
    EXPECT_NEAR(back[SoftwareTerm(t)], spec[SoftwareTerm(t)], 1e-12) << to_string(SoftwareTerm(t));
    EXPECT_EQ(back.terms[static_cast<std::size_t>(t)].source, "fit");
  }
  EXPECT_EQ(back.description, spec.description);
  EXPECT_EQ(back.runs, spec.runs);
  EXPECT_EQ(back.unexplained, 0.125);
  EXPECT_EQ(back.fitted, spec.fitted);
  EXPECT_EQ(back.covariance, spec.covariance);
}

TEST(SoftwareYaml, RefusesABadCovariance) {
  Diagnostics unknown, impossible;
  read("name: s\ncovariance:\n  gem: {gemm: 1}\n", unknown);
  EXPECT_NE(unknown.render().find("did you mean 'gemm'"), std::string::npos) << unknown.render();
  read("name: s\ncovariance:\n  gemm: {gemm: 0.01}\n  vector: {gemm: 0.5, vector: 0.01}\n", impossible);
  EXPECT_NE(impossible.render().find("impossible"), std::string::npos) << impossible.render();
}

// Every software of the catalogue reads without error; it is neutral, or each of its terms has a source.
TEST(SoftwareCatalogue, IsFitted) {
  for (const EmbeddedFile& file : software_catalog()) {
    Diagnostics diagnostics;
    const SoftwareSpec spec = read(std::string(file.text), diagnostics);
    ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.render();
    EXPECT_EQ(spec.name, file.name);
    if (spec.fitted.empty()) {  // neutral: `none`, and software that no run was fitted for
      for (int t = 0; t < kSoftwareTerms; ++t)
        EXPECT_EQ(spec[SoftwareTerm(t)], SoftwareSpec()[SoftwareTerm(t)]) << spec.name;
      continue;
    }
    EXPECT_EQ(spec.fitted.size(), static_cast<std::size_t>(kSoftwareTerms)) << spec.name;
    EXPECT_GT(spec.unexplained, 0) << spec.name;
    EXPECT_FALSE(spec.runs.empty()) << spec.name;
    for (int t = 0; t < kSoftwareTerms; ++t)
      EXPECT_FALSE(spec.terms[static_cast<std::size_t>(t)].source.empty())
          << spec.name << " " << to_string(SoftwareTerm(t));
  }
}

}  // namespace
}  // namespace supernode
