// The event loop against the SimGrid engine: random programs of every schedule through both.
#include <gtest/gtest.h>

#include "sim/step_engine.hpp"
#include "tests/sim/random_timed_program.hpp"
#include "tests/sim/timed_step.hpp"

namespace supernode {
namespace {

using namespace literals;

struct ReplayCase {
  Seconds host{};
  double overlap_slowdown = 1, straggler_factor = 1;
  bool trace = false;
};

// Each part within `tolerance`.
void expect_like(const StageTime& a, const StageTime& b, double tolerance) {
  for (std::size_t c = 0; c < a.compute.size(); ++c) EXPECT_NEAR(a.compute[c].value(), b.compute[c].value(), tolerance);
  for (std::size_t c = 0; c < a.exposed.size(); ++c) {
    EXPECT_NEAR(a.exposed[c].value(), b.exposed[c].value(), tolerance);
    EXPECT_NEAR(a.hidden[c].value(), b.hidden[c].value(), tolerance);
  }
  EXPECT_NEAR(a.recompute.value(), b.recompute.value(), tolerance);
  EXPECT_NEAR(a.slowdown.value(), b.slowdown.value(), tolerance);
  EXPECT_NEAR(a.stragglers.value(), b.stragglers.value(), tolerance);
  EXPECT_NEAR(a.host.value(), b.host.value(), tolerance);
  EXPECT_NEAR(a.bubble.value(), b.bubble.value(), tolerance);
  EXPECT_NEAR(a.idle_end.value(), b.idle_end.value(), tolerance);
}

class Replay : public testing::TestWithParam<ReplayCase> {};

// The step within 0.1 %, each part of each stage within 1 % of the step; the same activities.
TEST_P(Replay, IsTheSimGridEngine) {
  const ReplayCase& how = GetParam();
  StepOptions options;
  options.overlap_slowdown = how.overlap_slowdown;
  options.straggler_factor = how.straggler_factor;
  options.trace = how.trace;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const TimedProgram program = test::RandomProgram(seed, how.host).make();
    const StepResult expected = run_step_simgrid(program, options), result = run_step_replay(program, options);
    const double step = expected.step_time.value();
    EXPECT_NEAR(result.step_time.value(), step, 1e-3 * step);
    EXPECT_EQ(result.activities, expected.activities);
    EXPECT_EQ(result.trace.size(), expected.trace.size());
    ASSERT_EQ(result.stages.size(), expected.stages.size());
    for (std::size_t s = 0; s < result.stages.size(); ++s) {
      expect_like(result.stages[s], expected.stages[s], 1e-2 * step);
      EXPECT_NEAR(test::parts(result.stages[s]).value(), result.step_time.value(), 1e-9 * step);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, Replay,
                         testing::Values(ReplayCase{}, ReplayCase{.overlap_slowdown = 1.2}, ReplayCase{.host = 300_us},
                                         ReplayCase{.straggler_factor = 1.1, .trace = true},
                                         ReplayCase{
                                             .host = 2000_us, .overlap_slowdown = 1.1, .straggler_factor = 1.05}));

TEST(ReplayRun, IsDeterministic) {
  const TimedProgram program = test::RandomProgram(7, 100_us).make();
  const StepResult a = run_step_replay(program, {}), b = run_step_replay(program, {});
  EXPECT_EQ(a.step_time, b.step_time);
  EXPECT_EQ(a.activities, b.activities);
}

TEST(ReplayRun, TracingChangesNoTime) {
  const TimedProgram program = test::RandomProgram(8, 100_us).make();
  StepOptions traced;
  traced.trace = true;
  EXPECT_EQ(run_step_replay(program, traced).step_time, run_step_replay(program, {}).step_time);
}

}  // namespace
}  // namespace supernode
