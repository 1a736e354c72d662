// `supernode resilience` as a user sees it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/program.hpp"

namespace supernode {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kSmallScenario;
using testing::ProgramRun;
using testing::run_program;
using testing::TempFolder;

const char* const kOneNode = "resilience hgx-h100 --collective all-to-all --bytes '64 MiB' --element links";

TEST(ResilienceCommand, OfACollective) {
  const ProgramRun run = run_program(std::string(kOneNode) + " --draws 2 --max 4 --json");
  ASSERT_EQ(run.code, 0) << run.err;
  const json answer = json::parse(run.out);
  EXPECT_EQ(answer["element"], "links");
  EXPECT_EQ(answer["draws"].size(), 2u);
  for (const json& draw : answer["draws"]) {
    EXPECT_TRUE(draw["ends"].is_null() || draw["ends"] == draw["survives"].get<int>() + 1) << "found to the last one";
  }
  for (const json& trial : answer["trials"]) {
    if (!trial["slowdown_ratio"].is_number()) continue;
    EXPECT_GE(trial["slowdown_ratio"], 1 - 1e-9);
  }
}

// A larger loss is never met sooner along the same draw.
TEST(ResilienceCommand, MoreLossMeansMoreFailures) {
  const auto survives = [](const std::string& loss) {
    const ProgramRun run = run_program(std::string(kOneNode) + " --draws 1 --max 8 --json --loss " + loss);
    EXPECT_EQ(run.code, 0) << run.err;
    return json::parse(run.out)["survives_median"].get<int>();
  };
  EXPECT_LE(survives("5%"), survives("40%"));
}

TEST(ResilienceCommand, OfAStep) {
  const TempFolder folder;
  const ProgramRun run =
      run_program("resilience " + folder.write("small.yaml", kSmallScenario) + " --element links --draws 1 --max 2");
  ASSERT_EQ(run.code, 0) << run.err;
  for (const char* part : {"links may fail before a step of small loses 5.0 %", "survives", "Slowdown"})
    EXPECT_THAT(run.out, HasSubstr(part));
}

TEST(ResilienceCommand, CsvHasARowATrial) {
  const ProgramRun run = run_program(std::string(kOneNode) + " --draws 1 --max 1 --csv");
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, ::testing::StartsWith("failed,seed,slowdown_ratio,loss,collective_slowdown_ratio,"));
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 2);
}

TEST(ResilienceCommand, MistakesExitWithTwoAndSuggest) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"hgx-h100", "--collective all-to-all"},
      {"hgx-h100 --collective all-to-al --bytes 1MiB", "did you mean 'all-to-all'"},
      {"hgx-h100 --collective all-to-all", "--bytes"},
      {"hgx-h100 --collective all-to-all --bytes 1MiB --element optic", "did you mean 'optics'"},
      {"hgx-h100 --collective all-to-all --bytes 1MiB --loss 0", "percentage"},
      {"no_such_scenario", "unknown system 'no_such_scenario'"},
  };
  for (const auto& [arguments, text] : mistakes) {
    const ProgramRun run = run_program("resilience " + arguments);
    EXPECT_EQ(run.code, 2) << arguments;
    EXPECT_THAT(run.out, IsEmpty()) << arguments;
    EXPECT_THAT(run.err, HasSubstr(text)) << arguments;
  }
}

// So many modules fail that two dies have no common switch left, though every part of the fabric hangs together: that
// is met when the work asks for the route. It is bad input with its place, and for a search the end of a draw.
TEST(ResilienceCommand, FaultsThatOnlyARouteMeets) {
  const TempFolder folder;
  const std::string path = folder.write("cut.yaml",
                                        "base: llama3_70b_64_910c\nsystem:\n  base: cloudmatrix-384\n  chips: 64\n"
                                        "  faults: {random: {optics: 664, seed: 0}}\n");
  const ProgramRun run = run_program("run " + path);
  EXPECT_EQ(run.code, 2) << run.out;
  EXPECT_THAT(run.err, HasSubstr("cut.yaml:5:"));
  EXPECT_THAT(run.err, HasSubstr("are not connected"));
  EXPECT_EQ(run_program("compare " + path + " " + path).code, 2);
  const ProgramRun one = run_program("collective all-to-all --system " + path + " --bytes 1MiB --ranks 128");
  EXPECT_EQ(one.code, 2) << one.out;
  EXPECT_THAT(one.err, HasSubstr("cut.yaml:5:"));
  const ProgramRun search = run_program("resilience " + path + " --draws 1 --max 1");
  EXPECT_EQ(search.code, 2) << search.out;
}

// Faults of a scenario are in its report and JSON.
TEST(ResilienceCommand, RunShowsItsFaults) {
  const TempFolder folder;
  const std::string run = "run " + folder.write("small.yaml", kSmallScenario) + " --set system.faults.links=1";
  const ProgramRun text = run_program(run), data = run_program(run + " --json");
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("links failed (seed 0)"));
  ASSERT_EQ(data.code, 0) << data.err;
  const json answer = json::parse(data.out);
  EXPECT_EQ(answer["faults"]["random"]["links"], 1);
}

}  // namespace
}  // namespace supernode
