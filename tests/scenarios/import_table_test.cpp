// Tables are known by their header; what is wrong with one is said with its place.
#include "scenarios/import_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace supernode {
namespace {

const std::string kVtrain =
    "# GPUs,global batch,micro batch,hidden size,attention heads,# layers,sequence length,tensor parallelism,"
    "data parallelism,pipeline parallelism,iteration time (ms)\n";

TEST(ImportTable, VtrainRowsAreNumbered) {
  Diagnostics diagnostics;
  const auto runs = read_published_runs(
      {"v.csv", kVtrain + "4,8,1,1024,16,16,1024,1,1,4,185.5\n8,64,4,1024,16,24,1024,1,8,1,289\n"}, diagnostics);
  ASSERT_TRUE(runs);
  ASSERT_EQ(runs->size(), 2u);
  EXPECT_EQ(runs->at(1).id, "2");
  EXPECT_EQ(runs->at(0).pipeline, 4);
  EXPECT_DOUBLE_EQ(runs->at(0).measured.step_time_s, 0.1855);
  EXPECT_EQ(runs->at(0).ffn, 4096);
}

TEST(ImportTable, AnUnknownHeaderIsRefused) {
  Diagnostics diagnostics;
  EXPECT_FALSE(read_published_runs({"t.csv", "a,b,c\n1,2,3\n"}, diagnostics));
  EXPECT_THAT(diagnostics.render(), ::testing::HasSubstr("t.csv:1:1: error: not a table of published runs"));
}

TEST(ImportTable, ABadNumberIsReportedAtItsCell) {
  Diagnostics diagnostics;
  const auto runs = read_published_runs({"v.csv", kVtrain + "4,8,one,1024,16,16,1024,1,1,4,185.5\n"}, diagnostics);
  ASSERT_TRUE(runs);
  EXPECT_THAT(diagnostics.render(),
              ::testing::HasSubstr("v.csv:2:5: error: column 'micro batch': 'one' is not a number"));
  EXPECT_EQ(runs->at(0).micro_batch, 0);
}

TEST(ImportTable, IdsAreFoundInAnyCaseAndByNumber) {
  std::vector<PublishedRun> runs(2);
  runs[0].id = "Llama-70B-h100";
  runs[1].id = "gpt-175b-a100";
  Diagnostics diagnostics;
  EXPECT_EQ(find_published_run(runs, "llama-70b-H100", "t.csv", diagnostics), &runs[0]);
  EXPECT_EQ(find_published_run(runs, "2", "t.csv", diagnostics), &runs[1]);
  EXPECT_FALSE(diagnostics.has_errors());
  EXPECT_EQ(find_published_run(runs, "llama-70b-h10", "t.csv", diagnostics), nullptr);
  EXPECT_THAT(diagnostics.render(), ::testing::HasSubstr("did you mean 'Llama-70B-h100'?"));
}

}  // namespace
}  // namespace supernode
