// Whole tables: every shipped run imports and is a valid scenario. The full tables this project was built against are
// used where a checkout has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/import_memory.hpp"
#include "tests/scenarios/import_fixture.hpp"

namespace supernode {
namespace {

// The folder of the full tables, beside the repository; empty when there is none.
std::string reference_folder() {
  const auto folder = std::filesystem::path(SUPERNODE_SOURCE_DIR).parent_path() / "shared" / "reference";
  return std::filesystem::exists(folder) ? folder.string() : "";
}

// Training runs are graded; those of the sweeps all have what a simulation needs.
bool to_be_simulated(const PublishedRun& run) {
  return run.format != RunFormat::kTrainingRuns || run.grade == "A" || run.grade == "A-";
}

// Rows that do not become a scenario, with the reason.
std::vector<std::string> refused(const std::vector<PublishedRun>& runs) {
  std::vector<std::string> out;
  for (const PublishedRun& run : runs) {
    Diagnostics diagnostics;
    if (to_be_simulated(run) && !load_published_run(run, diagnostics)) out.push_back(diagnostics.render());
  }
  return out;
}

TEST(PublishedRuns, EveryShippedRunIsAValidScenario) {
  std::size_t rows = 0;
  for (const char* table : {"training_runs.csv", "nanotron.csv", "vtrain.csv"}) {
    const auto runs = testing::shipped_runs(table);
    rows += runs.size();
    EXPECT_THAT(refused(runs), ::testing::IsEmpty()) << table;
  }
  EXPECT_GE(rows, 55u);
}

TEST(PublishedRuns, EveryShippedRunReadsBackFromItsText) {
  for (const PublishedRun& run : testing::shipped_runs("training_runs.csv")) {
    const auto loaded = testing::load_text(scenario_text(run, import_run(run)));
    EXPECT_TRUE(loaded.scenario) << run.id << loaded.messages();
  }
}

TEST(PublishedRuns, EveryShippedRunHasACitation) {
  for (const PublishedRun& run : testing::shipped_runs("training_runs.csv")) {
    EXPECT_FALSE(run.source.empty()) << run.id;
    EXPECT_TRUE(to_be_simulated(run)) << run.id;
  }
}

TEST(PublishedRuns, MemoryIsReadFromTheNotes) {
  std::map<std::string, double> peaks;
  for (const PublishedRun& run : testing::shipped_runs("training_runs.csv")) peaks[run.id] = run.measured.peak_bytes();
  constexpr double kGiB = 1024.0 * 1024 * 1024;
  EXPECT_DOUBLE_EQ(peaks["asc-msllm-ci-2.0.0-mixtral_tp1_pp4_ep2_drop_dpp"], 25.1 * kGiB);
  EXPECT_DOUBLE_EQ(peaks["nv-simumax-b200-llama3_405b_l4_tp2_cp4_pp1_dp1_seq32768_mbc4_cef"], 87.03 * kGiB);
  EXPECT_DOUBLE_EQ(peaks["asc-msllm-rc3-aquila2-7b-2k-a2x8"], 0);
}

TEST(PublishedRuns, NanotronVerdictsAgreeOnTheShippedRows) {
  std::vector<MemoryVerdict> verdicts;
  for (const PublishedRun& run : testing::shipped_runs("nanotron.csv")) verdicts.push_back(judge_memory(run));
  const MemoryScore score = score_memory(verdicts);
  EXPECT_EQ(score.judged, 9);
  EXPECT_EQ(score.failed, 4);
  EXPECT_GE(score.agree, 8);
}

TEST(PublishedRuns, EveryRunOfTheFullTablesIsAValidScenario) {
  const std::string folder = reference_folder();
  if (folder.empty()) GTEST_SKIP() << "the full tables of published runs are not beside this checkout";
  std::size_t rows = 0;
  for (const char* table : {"training_runs.csv", "nanotron_h100.csv", "nanotron_h100_oom.csv",
                            "vtrain_a100_single_node_1440.csv", "vtrain_a100_multi_node_109.csv"}) {
    Diagnostics diagnostics;
    const auto runs = load_published_runs(folder + "/" + table, diagnostics);
    ASSERT_TRUE(runs) << diagnostics.render();
    for (const PublishedRun& run : *runs) rows += to_be_simulated(run);
    EXPECT_THAT(refused(*runs), ::testing::IsEmpty()) << table;
  }
  EXPECT_EQ(rows, 594u + 308 + 303 + 206 + 30);
}

// A run that was published did run: none of the well specified is called infeasible. MindSpeed-LLM's continuous
// integration, and all rows that give a peak, against theirs.
TEST(PublishedRuns, MemoryAgreesWithTheFullTable) {
  const std::string folder = reference_folder();
  if (folder.empty()) GTEST_SKIP() << "the full tables of published runs are not beside this checkout";
  Diagnostics diagnostics;
  const auto runs = load_published_runs(folder + "/training_runs.csv", diagnostics);
  ASSERT_TRUE(runs) << diagnostics.render();
  std::vector<MemoryVerdict> all, integration;
  for (const PublishedRun& run : *runs) {
    if (!to_be_simulated(run)) continue;
    all.push_back(judge_memory(run));
    if (run.measured.first_step) integration.push_back(all.back());
    EXPECT_TRUE(!run.measured.ran || all.back().fits) << run.id << ": " << all.back().problem;
  }
  EXPECT_EQ(score_memory(integration).measured, 50);
  EXPECT_LE(score_memory(integration).median_abs_error, 0.085);
  EXPECT_LE(score_memory(all).median_abs_error, 0.07);
}

}  // namespace
}  // namespace supernode
