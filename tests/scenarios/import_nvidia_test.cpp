// Rows of Nvidia's tables against what its recipes set: placement in racks, launches, exchanges, stages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scenarios/import_fixture.hpp"

namespace supernode {
namespace {

using ::testing::Each;
using testing::plain_run;
using testing::scenario_of;

// 256 GB200, 64 experts' ranks, 4 stages of 4 chunks, as a table of the release prints it.
PublishedRun moe_run(const std::string& release) {
  PublishedRun run = plain_run();
  run.source = "github NVIDIA-NeMo/Megatron-Bridge docs/performance-summary.md (" + release + " container)";
  run.system = "DGX-GB200";
  run.chip = "GB200";
  run.model = "DeepSeek-V3";
  run.attention = "MLA";
  run.precision = "MXFP8";
  run.ranks = 256;
  run.layers = 61;
  run.hidden = 7168;
  run.ffn = 18432;
  run.heads = run.kv_heads = 128;
  run.vocab = 129280;
  run.experts = 256;
  run.topk = 8;
  run.shared_experts = 1;
  run.moe_ffn = 2048;
  run.tensor = 1;
  run.pipeline = run.virtual_stages = 4;
  run.expert = run.data = 64;
  run.expert_tensor = 1;
  run.global_batch = 4096;
  return run;
}

PlanSpec plan_of(const PublishedRun& run) { return scenario_of(run).spec.input.plan; }

TEST(ImportNvidia, JobsOfManyRacksTakeSegments) {
  PublishedRun run = moe_run("26.04");
  EXPECT_EQ(scenario_of(run).spec.input.system.nodes_per_supernode, 16);
  run.ranks = 64;  // one rack
  run.data = 16;
  run.expert = 16;
  EXPECT_EQ(scenario_of(run).spec.input.system.nodes_per_supernode, 18);
}

TEST(ImportNvidia, GraphsLeaveTheExpertsOutUntilFullIterations) {
  const PlanSpec before = plan_of(moe_run("26.04.01")), since = plan_of(moe_run("26.06"));
  EXPECT_EQ(before.launch.graphs, GraphScope::kStatic);
  EXPECT_TRUE(before.launch.experts_apart);
  EXPECT_FALSE(before.overlap.expert);
  EXPECT_FALSE(before.fp8_attention);
  EXPECT_EQ(since.launch.graphs, GraphScope::kPass);
  EXPECT_FALSE(since.launch.experts_apart);
  EXPECT_TRUE(since.overlap.expert);
  EXPECT_TRUE(since.fp8_attention);
  PublishedRun wide = moe_run("26.06");
  wide.precision = "BF16";
  EXPECT_EQ(plan_of(wide).launch.graphs, GraphScope::kStatic);
}

TEST(ImportNvidia, ExchangesAcrossNodesRunUnderInterleavedPasses) {
  PublishedRun run = moe_run("25.11");
  run.system = "DGX-H100";
  run.chip = "H100";
  run.precision = "FP8-CS";
  EXPECT_TRUE(plan_of(run).overlap.expert);
  EXPECT_EQ(plan_of(run).launch.graphs, GraphScope::kNone);
  run.expert = 8;  // in a node
  EXPECT_FALSE(plan_of(run).overlap.expert);
}

TEST(ImportNvidia, DispatchersByReleaseAndMachine) {
  EXPECT_EQ(plan_of(moe_run("25.09")).routing.dispatcher, TokenDispatcher::kCopies);
  EXPECT_EQ(plan_of(moe_run("25.11")).routing.dispatcher, TokenDispatcher::kOnce);
  PublishedRun hgx = moe_run("26.04");
  hgx.system = "DGX-H100";
  hgx.chip = "H100";
  EXPECT_EQ(plan_of(hgx).routing.dispatcher, TokenDispatcher::kOnce);  // DeepEP
  hgx.source = "github NVIDIA/NeMo";
  EXPECT_EQ(plan_of(hgx).routing.dispatcher, TokenDispatcher::kCopies);
}

// "Et*4|(t*4|)*14tmL" and "Et|(tt|)*30mL".
TEST(ImportNvidia, TheLastPieceTakesWhatIsLeft) {
  std::vector<std::int64_t> layers = plan_of(moe_run("26.06")).stage_layers;
  ASSERT_EQ(layers.size(), 16u);
  EXPECT_EQ(layers.back(), 1);
  layers.pop_back();
  EXPECT_THAT(layers, Each(4));
  PublishedRun run = moe_run("26.06");
  run.pipeline = 8;
  run.data = run.expert = 32;
  layers = plan_of(run).stage_layers;
  ASSERT_EQ(layers.size(), 32u);
  EXPECT_EQ(layers.front(), 1);
  EXPECT_EQ(layers.back(), 0);
}

TEST(ImportNvidia, RoutersMultiplyOnTensorCores) {
  PublishedRun run = moe_run("26.06");
  EXPECT_EQ(plan_of(run).router, Precision::kTf32);
  run.chip = "Ascend 910B (A2)";
  run.source = "github Ascend/MindSpeed-LLM";
  run.precision = "BF16";
  EXPECT_EQ(plan_of(run).router, Precision::kFp32);
}

TEST(ImportNvidia, CutLayersNeedNoSharding) {
  PublishedRun run = plain_run();
  run.source = "NVIDIA/dgxc-benchmarking";
  run.model = "Llama-3.1-405B";
  run.parameters = 405.9e9;  // of all 126 layers
  run.layers = 7;
  run.hidden = 16384;
  run.ffn = 53248;
  run.heads = 128;
  run.kv_heads = 16;
  run.vocab = 128256;
  run.tensor = 8;
  run.pipeline = 1;
  run.data = 2;
  EXPECT_EQ(plan_of(run).zero_stage, 1);
}

}  // namespace
}  // namespace supernode
