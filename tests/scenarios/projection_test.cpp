#include "scenarios/projection.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace supernode {
namespace {

RunSpec thousand_steps() {
  RunSpec run;
  run.steps = 1000;
  run.chip_hours_per_interruption.value = 1e300;
  run.checkpoint_stall.value = Seconds(0);
  return run;
}

constexpr StepRate kRate{Seconds(36), 2000, 10, 100};

TEST(Projection, WithoutFaultsARunIsItsSteps) {
  const Projection p = project(thousand_steps(), kRate);
  EXPECT_DOUBLE_EQ(p.time.value(), 36000);
  EXPECT_DOUBLE_EQ(p.days(), 36000.0 / 86400);
  EXPECT_DOUBLE_EQ(p.tokens, 2e6);
  EXPECT_DOUBLE_EQ(p.chip_hours, 1000);
  EXPECT_DOUBLE_EQ(p.effective, 1);
  EXPECT_DOUBLE_EQ(p.megawatt_hours, 0);
}

TEST(Projection, TokensAndSamplesGiveSteps) {
  RunSpec run = thousand_steps();
  run.steps = 0;
  run.tokens = 1e6;
  EXPECT_DOUBLE_EQ(project(run, kRate).steps, 500);
  run.tokens = 0;
  run.samples = 1e6;
  EXPECT_DOUBLE_EQ(project(run, kRate).steps, 1e5);
}

// 100 chips, 1000 chip-hours an interruption: one in 10 hours. Restart 0.5 h and half of a 1 h interval: 1 h lost of
// every 10, so 10 h of steps take 10 / 0.9 h.
TEST(Projection, AnInterruptionCostsItsRestartAndHalfAnInterval) {
  RunSpec run = thousand_steps();
  run.chip_hours_per_interruption.value = 1000;
  run.restart.value = Seconds(1800);
  run.checkpoint_interval.value = Seconds(3600);
  const Projection p = project(run, kRate);
  EXPECT_DOUBLE_EQ(p.time.value(), 36000 / 0.9);
  EXPECT_DOUBLE_EQ(p.interruptions, 1 / 0.9);
  EXPECT_DOUBLE_EQ(p.effective, 0.9);
  run.checkpoint_stall.value = Seconds(360);  // a tenth of the interval
  EXPECT_DOUBLE_EQ(project(run, kRate).time.value(), 36000 * 1.1 / 0.9);
}

TEST(Projection, ARunThatNeverRecoversIsInfinite) {
  RunSpec run = thousand_steps();
  run.chip_hours_per_interruption.value = 10;  // every 6 minutes, with restarts of 15
  EXPECT_TRUE(std::isinf(project(run, kRate).time.value()));
}

// 1000 chip-hours at 1.5 kW.
TEST(Projection, PowerGivesEnergy) {
  RunSpec run = thousand_steps();
  run.chip_watts.value = 1500;
  EXPECT_DOUBLE_EQ(project(run, kRate).megawatt_hours, 1.5);
}

}  // namespace
}  // namespace supernode
