// What a row of MindSpeed's tells of its kernels, its experts' exchange and its ranks.
#include <gtest/gtest.h>

#include "scenarios/published_step.hpp"
#include "tests/scenarios/import_fixture.hpp"

namespace supernode {
namespace {

using testing::plain_run;
using testing::scenario_of;

PublishedRun mindspeed_run() {
  PublishedRun run = plain_run();
  run.source = "Ascend/MindSpeed-LLM branch 2.1.0";
  run.chip = "Ascend 910B (A2)";
  run.system = "Atlas 900 A2 PODc (8 NPU/node)";
  run.overlap = "sequence-parallel use-flash-attn";
  return run;
}

PublishedRun expert_run() {
  PublishedRun run = mindspeed_run();
  run.model = "some-moe";
  run.experts = 8, run.topk = 2, run.moe_ffn = 1024, run.expert = 2;
  return run;
}

PlanSpec plan_of(const PublishedRun& run) { return scenario_of(run).spec.input.plan; }

TEST(ImportMindSpeed, WeightGradientsAreAddedApart) {
  EXPECT_FALSE(plan_of(mindspeed_run()).fused.weight_gradient);
  EXPECT_TRUE(plan_of(plain_run()).fused.weight_gradient);
}

TEST(ImportMindSpeed, LegacyModelsRunSwigluAndRotationUnfused) {
  PublishedRun run = mindspeed_run();
  EXPECT_TRUE(plan_of(run).fused.activation && plan_of(run).fused.rope);
  run.notes = "spec:A; impl=Legacy";
  EXPECT_FALSE(plan_of(run).fused.activation || plan_of(run).fused.rope);
}

TEST(ImportMindSpeed, AGateByGeluIsNotFused) {
  PublishedRun run = mindspeed_run();
  run.model = "Gemma-7B";
  EXPECT_FALSE(plan_of(run).fused.activation);
  EXPECT_TRUE(plan_of(run).fused.rope);
}

TEST(ImportMindSpeed, TokensTravelAsTheDispatcherSays) {
  PublishedRun run = expert_run();
  EXPECT_EQ(plan_of(run).routing.dispatcher, TokenDispatcher::kGather);  // Megatron's default
  for (const char* flag : {"dispatcher=alltoall", "dispatcher=alltoall_seq", "moe-fb-overlap"}) {
    run.overlap = flag;
    EXPECT_EQ(plan_of(run).routing.dispatcher, TokenDispatcher::kCopies) << flag;
  }
  run.overlap = "dispatcher=allgather";
  EXPECT_EQ(plan_of(run).routing.dispatcher, TokenDispatcher::kGather);
  EXPECT_FALSE(plan_of(run).fused.routing);
}

TEST(ImportMindSpeed, ExpertsAreGroupedSince21OrWithTheFlagsThatComeWithIt) {
  PublishedRun run = expert_run();
  EXPECT_TRUE(plan_of(run).fused.experts);
  run.source = "Ascend/MindSpeed-LLM tag/branch 1.0.RC3";
  EXPECT_FALSE(plan_of(run).fused.experts);
  run.overlap = "use-fused-moe-token-permute-and-unpermute dispatcher=alltoall";
  EXPECT_TRUE(plan_of(run).fused.experts);
}

const std::string kHeader =
    "id,chip,chips,model,layers,hidden,seq,tp,pp,cp,dp,overlap_notes,measured_tokens_s_chip,notes\n";

std::vector<PublishedRun> read(const std::string& rows) {
  Diagnostics diagnostics;
  const auto runs = read_published_runs({"r.csv", kHeader + rows}, diagnostics);
  EXPECT_TRUE(runs) << diagnostics.render();
  return runs.value_or(std::vector<PublishedRun>{});
}

// Two stages of two tensor ranks. With eight ranks the second stage is ranks 4 to 7, with four ranks 2 and 3.
TEST(ImportMindSpeed, RanksThatReportMemoryTellHowManyThereAre) {
  const auto runs = read(
      "all,910B,8,m,2,64,512,2,2,1,2,,100,spec:A- (CI); rank0 max alloc 1 GiB; rank1 max alloc 1 GiB; rank4 max alloc "
      "1 "
      "GiB; rank5 max alloc 1 GiB\n"
      "half,910B,8,m,2,64,512,2,2,1,2,,100,spec:A- (CI); rank0 max alloc 1 GiB; rank1 max alloc 1 GiB; rank2 max alloc "
      "1 "
      "GiB; rank3 max alloc 1 GiB\n"
      "flat,910B,8,m,2,64,512,1,1,4,2,,100,spec:A- (CI); rank0 max alloc 1 GiB; rank3 max alloc 1 GiB\n");
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[0].ranks, 8);
  EXPECT_EQ(runs[0].host_ranks, 0);
  EXPECT_EQ(runs[1].ranks, 4);
  EXPECT_EQ(runs[1].host_ranks, 8);
  EXPECT_DOUBLE_EQ(runs[1].measured.tokens_per_s_rank, 200);  // as many tokens on half the ranks
  EXPECT_EQ(runs[2].ranks, 8);                                // one stage tells nothing
}

TEST(ImportMindSpeed, AGradeMayStandBehindARemark) {
  const auto runs = read(
      "a,910C,8,m,2,64,512,1,1,1,8,,1,PUBLISHED 2 tok/s per card; spec:A; more\n"
      "b,910C,8,m,2,64,512,1,1,1,8,,1,no grade of a spec: here\n"
      "c,910C,8,m,2,64,,1,1,1,8,,1,spec:A (RL); no sequence length\n");
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[0].grade, "A");
  EXPECT_EQ(runs[1].grade, "");
  EXPECT_EQ(runs[2].grade, "B");
}

TEST(ImportAscend, ServersOf910CAreJoinedByTheirOpticalPlane) {
  PublishedRun run = plain_run();
  run.chip = "Ascend 910C die (A3)";
  run.system = "Atlas 800T A3 (8 cards/16 dies per node)";
  EXPECT_EQ(scenario_of(run).spec.input.system.name, "atlas-800t-a3");  // 16 ranks: one server
  run.ranks = 32, run.data = 8;
  EXPECT_EQ(scenario_of(run).spec.input.system.name, "cloudmatrix-384");
}

// 32 layers, hidden 4096, ffn 11008: each matrix of the MLPs is 6·32·4096·11008 FLOPs a token, of 64 sequences of 4096.
// Megatron's log leaves the third out when the gate is a GELU, so the step took less than the same figure of a SwiGLU.
TEST(PublishedStep, MegatronCountsAThirdMatrixForSwigluOnly) {
  PublishedRun run = mindspeed_run();
  run.measured.tflops_rank = 100;
  const SimulationInput swiglu = scenario_of(run).spec.input;
  const double all = published_step(run, swiglu)->time.value();
  run.model = "Gemma-7B";
  const double tokens = 64.0 * 4096;
  const double third = 6.0 * 32 * 4096 * 11008 * tokens / (16 * 100e12);
  EXPECT_NEAR(published_step(run, swiglu)->time.value(), all - third, 1e-9 * all);
}

}  // namespace
}  // namespace supernode
