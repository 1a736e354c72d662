// A scenario run end to end: the same bytes for any number of workers, from the resolved text, and as recorded in
// tests/golden (SUPERNODE_UPDATE_GOLDEN=1 records anew).
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "scenarios/outcome.hpp"
#include "scenarios/result_json.hpp"
#include "tests/scenarios/scenario_files.hpp"

namespace supernode {
namespace {

using testing::kSmallScenario;
using testing::load_file;
using testing::load_text;

// Everything but where it came from: that names this machine's files and this build.
std::string result_text(const Outcome& outcome) {
  nlohmann::ordered_json json = outcome_json(outcome);
  json.erase("provenance");
  return to_text(json);
}

std::string run(const Scenario& scenario, int workers = 1) {
  return result_text(run_scenario(scenario, {.workers = workers}));
}

std::string read(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, GivesTheRecordedBytes) {
  const std::string stem = std::string(SUPERNODE_SOURCE_DIR) + "/tests/golden/" + GetParam();
  const auto loaded = load_file(stem + ".yaml");
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  const std::string text = run(*loaded.scenario);
  if (std::getenv("SUPERNODE_UPDATE_GOLDEN") != nullptr) std::ofstream(stem + ".json", std::ios::binary) << text;
  EXPECT_EQ(text, read(stem + ".json"));
}

TEST_P(Golden, GivesTheSameBytesForAnyNumberOfWorkers) {
  const auto loaded = load_file(std::string(SUPERNODE_SOURCE_DIR) + "/tests/golden/" + GetParam() + ".yaml");
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  const std::string alone = run(*loaded.scenario, 1);
  EXPECT_EQ(alone, run(*loaded.scenario, 2));
  EXPECT_EQ(alone, run(*loaded.scenario, 5));
}

TEST_P(Golden, RunsAgainFromItsResolvedText) {
  const auto loaded = load_file(std::string(SUPERNODE_SOURCE_DIR) + "/tests/golden/" + GetParam() + ".yaml");
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  const auto again = load_text(loaded.scenario->resolved);
  ASSERT_TRUE(again.scenario) << again.messages();
  EXPECT_EQ(run(*loaded.scenario), run(*again.scenario));
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Golden,
                         ::testing::Values("dense_h100", "moe_cloudmatrix", "moe_gb200", "memory_short"));

TEST(RunScenario, BreakdownSumsToTheStep) {
  const auto loaded = load_text(kSmallScenario);
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  const Outcome outcome = run_scenario(*loaded.scenario);
  EXPECT_NEAR(outcome.breakdown.sum() / outcome.step_time, 1.0, 1e-9);
  EXPECT_GE(outcome.step_time, outcome.compute_bound);
  EXPECT_LT(outcome.bf16.hfu, 1.0);
  EXPECT_GE(outcome.bf16.hfu, outcome.bf16.mfu);
}

TEST(RunScenario, APlanThatDoesNotFitIsNotSimulated) {
  const auto loaded = load_text(kSmallScenario, {{"chip.hbm.capacity", "8 GiB"}});
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  const Outcome outcome = run_scenario(*loaded.scenario);
  EXPECT_FALSE(outcome.simulated);
  EXPECT_FALSE(outcome.memory.fits);
  EXPECT_FALSE(outcome_json(outcome).contains("step_time_s"));
}

TEST(RunScenario, IgnoringMemoryGivesTheTimeOfALargerMemory) {
  const auto roomy = load_text(kSmallScenario);
  const auto tight = load_text(kSmallScenario, {{"chip.hbm.capacity", "8 GiB"}});
  ASSERT_TRUE(roomy.scenario && tight.scenario);
  const Outcome outcome = run_scenario(*tight.scenario, {.ignore_memory = true});
  EXPECT_EQ(outcome.step_time, run_scenario(*roomy.scenario).step_time);
  EXPECT_FALSE(outcome.memory.fits);
}

TEST(RunScenario, MoreScaleUpBandwidthIsNeverSlower) {
  Seconds before{1e9};
  for (const char* bandwidth : {"50 GB/s", "200 GB/s", "450 GB/s", "900 GB/s"}) {
    const auto loaded = load_text(kSmallScenario, {{"system.fabric.scale_up.bandwidth", bandwidth}});
    ASSERT_TRUE(loaded.scenario) << loaded.messages();
    const Seconds step = run_scenario(*loaded.scenario).step_time;
    EXPECT_LE(step, before * (1 + 1e-9)) << bandwidth;
    before = step;
  }
}

}  // namespace
}  // namespace supernode
