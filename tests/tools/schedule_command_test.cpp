// supernode schedule: the picture to scale, the numbers beside it, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/tools/program.hpp"

namespace supernode {
namespace {

using ::testing::HasSubstr;
using testing::ProgramRun;
using testing::run_program;

// Two stages, two micro-batches, F 1 and B 2 of 3 columns each: see ScheduleTimeline.ByHand.
TEST(ScheduleCommand, DrawsToScale) {
  const ProgramRun run = run_program("schedule --schedule 1f1b --stages 2 --microbatches 2");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("0 F0 F1       B0---    B1---\n"
                                 "1    F0 B0--- F1 B1---\n"));
  EXPECT_THAT(run.out, HasSubstr("length 9, bubble 33.3 % of it"));
  EXPECT_THAT(run.out, HasSubstr("checked: each pass runs once"));
}

TEST(ScheduleCommand, FitsInto80Columns) {
  for (const std::string schedule : {"gpipe", "interleaved --chunks 3", "zb-h1", "zb-v", "dualpipe --pair 2.5"}) {
    const ProgramRun run = run_program("schedule --stages 12 --microbatches 24 --schedule " + schedule);
    EXPECT_EQ(run.code, 0) << run.err;
    std::istringstream lines(run.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  }
}

// F = b = W = 1 on 4 stages: no stage of ZB-V waits, 2p = 8 chunk passes in flight, 6·8 units of work and 3 to start.
TEST(ScheduleCommand, SaysTheNumbersAsJson) {
  const ProgramRun run = run_program("schedule --schedule zb-v --stages 4 --microbatches 8 --json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json["length"], 51.0);
  EXPECT_EQ(json["checked"], true);
  ASSERT_EQ(json["stages"].size(), 4u);
  for (const auto& stage : json["stages"]) {
    EXPECT_EQ(stage["waiting"], 0.0);
    EXPECT_EQ(stage["peak_in_flight"], 8);
    EXPECT_EQ(stage["passes"].size(), 8u * 2 * 3);
  }
}

TEST(ScheduleCommand, DrawsTheScheduleOfAScenario) {
  const ProgramRun run = run_program("schedule deepseek_v3_h800_2048 --set plan.schedule=dualpipe");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("dualpipe: 16 stages of 2 chunks"));
  EXPECT_THAT(run.out, HasSubstr("--all draws the rest"));
}

TEST(ScheduleCommand, RefusesWhatAPlanMayNotAsk) {
  const ProgramRun few = run_program("schedule --schedule dualpipe --stages 4 --microbatches 7");
  EXPECT_EQ(few.code, 2);
  EXPECT_THAT(few.err, HasSubstr("needs at least 2 x pipeline_parallel = 8"));
  const ProgramRun unknown = run_program("schedule --schedule zbv");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean 'zb-v'"));
  const ProgramRun pairless = run_program("schedule --schedule zb-h1 --pair 2");
  EXPECT_EQ(pairless.code, 2);
  EXPECT_THAT(pairless.err, HasSubstr("has no pairs"));
}

}  // namespace
}  // namespace supernode
