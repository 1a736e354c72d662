// A software's terms on a timed program.
#include "sim/step_software.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/priced_step.hpp"
#include "sim/step_resample.hpp"
#include "tests/sim/timed_step.hpp"

namespace supernode {
namespace {

using namespace literals;

const int kDense = family_of(Kernel(GemmKernel{})), kGrouped = family_of(Kernel(GemmKernel{.groups = 8}));
const int kAttention = family_of(Kernel(AttentionKernel{})), kVector = family_of(Kernel(VectorKernel{}));

TimedOp kernel(int family, Seconds time) {
  TimedOp op = test::compute(time);
  op.family = family;
  return op;
}

TimedOp collective(Plane plane) {
  TimedOp op = test::comm(Op::Kind::kComm, CommClass::kTensor, 1_ms, 1_GB, 100_GBps);
  op.plane = plane;
  op.family = family_of(CollectiveOp::kAllReduce, plane);
  return op;
}

SoftwareSpec software(std::initializer_list<std::pair<SoftwareTerm, double>> terms) {
  SoftwareSpec out;
  for (const auto& [term, value] : terms) out.at(term).value = value;
  return out;
}

PricedStep priced(TimedPass ops) {
  PricedStep step;
  step.program = test::single(std::move(ops));
  step.ranks = 8;
  return step;
}

TEST(StepSoftware, EveryFamilyHasItsTerm) {
  const SoftwareSpec spec = software({{SoftwareTerm::kGemm, 2},
                                      {SoftwareTerm::kAttention, 3},
                                      {SoftwareTerm::kVector, 4},
                                      {SoftwareTerm::kScaleUp, 5},
                                      {SoftwareTerm::kScaleOut, 6}});
  TimedPass ops = {kernel(kDense, 1_ms),         kernel(kGrouped, 1_ms),      kernel(kAttention, 1_ms),
                   kernel(kVector, 1_ms),        collective(Plane::kScaleUp), collective(Plane::kLocal),
                   collective(Plane::kScaleOut), kernel(kNoFamily, 1_ms)};
  const TimedProgram out = apply_software(test::single(ops), spec);
  const TimedPass& applied = out.stages[0].chunks[0].edge(PassKind::kForward);
  const std::array factors = {2.0, 2.0, 3.0, 4.0, 5.0, 5.0, 6.0, 1.0};
  for (std::size_t i = 0; i < ops.size(); ++i) {
    EXPECT_DOUBLE_EQ(applied[i].time / ops[i].time, factors[i]);
    EXPECT_DOUBLE_EQ(applied[i].latency.value(), factors[i] * ops[i].latency.value());
    EXPECT_EQ(applied[i].port_bytes, ops[i].port_bytes);
  }
}

// The host issues a backward operation in its own time, each as often as it is launched, and waits in none.
TEST(StepSoftware, TheHostIssuesByDirection) {
  const SoftwareSpec spec = software({{SoftwareTerm::kHostForward, 10e-6},
                                      {SoftwareTerm::kHostBackward, 7e-6},
                                      {SoftwareTerm::kHostPass, 1e-3},
                                      {SoftwareTerm::kHostStep, 2e-3}});
  TimedPass ops = {kernel(kDense, 1_ms), kernel(kDense, 1_ms), kernel(kDense, 1_ms), test::wait(CommClass::kData, 0)};
  ops[1].backward = true;
  ops[2].launches = 4;
  TimedProgram program = test::single(ops);
  const TimedProgram out = apply_software(program, spec);
  const TimedPass& applied = out.stages[0].chunks[0].edge(PassKind::kForward);
  EXPECT_DOUBLE_EQ(applied[0].host.value(), 10e-6);
  EXPECT_DOUBLE_EQ(applied[1].host.value(), 7e-6);
  EXPECT_DOUBLE_EQ(applied[2].host.value(), 40e-6);
  EXPECT_EQ(applied[3].host, Seconds());
  EXPECT_DOUBLE_EQ(out.host_pass.value(), 1e-3);
  EXPECT_DOUBLE_EQ(out.host_step.value(), 2e-3);
  EXPECT_TRUE(out.synchronous_pipeline);
  program.one_graph = true;
  EXPECT_EQ(apply_software(program, spec).host_pass, Seconds());
}

// Written again and again into the same program, only the last set counts; the neutral one changes no bit.
TEST(StepSoftware, IsAppliedInPlace) {
  const TimedProgram neutral = test::single({kernel(kDense, Seconds(0.1)), collective(Plane::kScaleUp)});
  TimedProgram out;
  FamilyValues factors = unit_factors();
  factors[static_cast<std::size_t>(kDense)] = 3;
  apply_software(neutral, software({{SoftwareTerm::kGemm, 2}}), factors, out);
  EXPECT_DOUBLE_EQ(out.stages[0].chunks[0].edge(PassKind::kForward)[0].time.value(), 0.6);
  apply_software(neutral, SoftwareSpec(), unit_factors(), out);
  EXPECT_EQ(run_step_replay(out, {}).step_time, run_step_replay(neutral, {}).step_time);
}

// Eight ranks with a jitter of 10 % wait for the slowest: 1 + 0.1·sqrt(2 ln 8) times 10 ms.
TEST(PricedStepReplay, JitterMakesStragglers) {
  const StepResult r = replay(priced({kernel(kDense, 10_ms)}), software({{SoftwareTerm::kJitter, 0.1}}));
  EXPECT_NEAR(r.step_time.value(), 10e-3 * (1 + 0.1 * std::sqrt(2 * std::log(8.0))), 1e-12);
}

StepInterval interval(const PricedStep& step, const SoftwareSpec& spec = {}) {
  return resample(step, spec, replay(step, spec));
}

TEST(StepResample, WithoutDeviationsThereIsNoInterval) {
  const StepInterval i = interval(priced({kernel(kDense, 10_ms)}));
  EXPECT_DOUBLE_EQ(i.low.value(), 10e-3);
  EXPECT_DOUBLE_EQ(i.high.value(), 10e-3);
  EXPECT_NEAR(i.deviation.value(), 0, 1e-15);
}

// Half of the step is of a family with a deviation of 10 %: the step has 5 %, its 90 % interval ± 1.645·5 %. A sample
// of 64 in pairs knows a standard deviation to about 1/sqrt(64) = 13 %: twice that is allowed.
TEST(StepResample, AFamilyErrsTogether) {
  PricedStep step = priced({kernel(kDense, 2_ms), kernel(kVector, 10_ms), kernel(kDense, 8_ms)});
  step.deviation[static_cast<std::size_t>(kDense)] = 0.1;
  const StepInterval i = interval(step);
  EXPECT_NEAR(i.deviation / 20_ms, 0.05, 0.013);
  EXPECT_NEAR(i.low / 20_ms, 1 - 1.645 * 0.05, 0.025);
  EXPECT_NEAR(i.high / 20_ms, 1 + 1.645 * 0.05, 0.025);
}

// Two families of 10 % each over half a step are apart from one another: sqrt(2)·5 %.
TEST(StepResample, FamiliesErrApart) {
  PricedStep step = priced({kernel(kDense, 10_ms), kernel(kVector, 10_ms)});
  step.deviation[static_cast<std::size_t>(kDense)] = step.deviation[static_cast<std::size_t>(kVector)] = 0.1;
  EXPECT_NEAR(interval(step).deviation / 20_ms, 0.0707, 0.0707 * 0.26);
}

// Factors of matrix products and of attention with deviations of 20 %: fully correlated the step of equal halves has
// 20 %, anticorrelated almost none (to second order, the spread of cosh(0.2 z)).
TEST(StepResample, TermsFollowTheirCovariance) {
  const PricedStep step = priced({kernel(kDense, 10_ms), kernel(kAttention, 10_ms)});
  SoftwareSpec spec;
  spec.fitted = {SoftwareTerm::kGemm, SoftwareTerm::kAttention};
  spec.covariance = {{0.04, 0.04}, {0.04, 0.04}};
  EXPECT_NEAR(interval(step, spec).deviation / 20_ms, 0.2, 0.06);
  spec.covariance = {{0.04, -0.04}, {-0.04, 0.04}};
  EXPECT_LT(interval(step, spec).deviation / 20_ms, 0.05);
}

TEST(StepResample, WhatNoTermExplainsIsInIt) {
  SoftwareSpec spec;
  spec.unexplained = 0.1;
  const PricedStep step = priced({kernel(kDense, 10_ms)});
  const StepInterval i = interval(step, spec), again = interval(step, spec);
  EXPECT_NEAR(std::log(i.high / 10_ms), 0.1645, 0.05);
  EXPECT_NEAR(std::log(i.low / 10_ms), -0.1645, 0.05);
  EXPECT_EQ(i.high, again.high);  // always the same draws
}

TEST(StepResample, LargeStepsGetFewerDraws) {
  EXPECT_EQ(draws_for(1), 64);
  EXPECT_EQ(draws_for(100'000), 40);
  EXPECT_EQ(draws_for(100'000'000), 16);
}

}  // namespace
}  // namespace supernode
