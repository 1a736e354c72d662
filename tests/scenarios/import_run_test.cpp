// A row's columns and phrases against the fields of the scenario they become.
#include "scenarios/import_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/catalogue.hpp"
#include "scenarios/import_families.hpp"
#include "scenarios/import_parts.hpp"
#include "tests/scenarios/import_fixture.hpp"

namespace supernode {
namespace {

using testing::plain_run;
using testing::says;
using testing::scenario_of;

TEST(ImportRun, DegreesAndBatchAreTheRows) {
  const PlanSpec plan = scenario_of(plain_run()).spec.input.plan;
  EXPECT_EQ(plan.tensor_parallel, 2);
  EXPECT_EQ(plan.pipeline_parallel, 2);
  EXPECT_EQ(plan.data_parallel, 4);    // 16 / (2 x 2)
  EXPECT_EQ(plan.microbatches(), 16);  // 64 / 4
  EXPECT_EQ(plan.zero_stage, 1);
  EXPECT_EQ(plan.recompute, Recompute::kNone);
}

TEST(ImportRun, AMlpIsGatedByItsFamily) {
  PublishedRun run = plain_run();
  EXPECT_TRUE(scenario_of(run).spec.input.model.gated_mlp);
  for (const char* plain : {"GPT 3.6B", "MPT-1b", "Bloom-7B1", "Nemotron-4-340B", "MT-NLG 530B"}) {
    run.model = plain;
    EXPECT_FALSE(scenario_of(run).spec.input.model.gated_mlp) << plain;
  }
  for (const char* gated : {"Qwen-7B", "Mixtral-8x7B", "DeepSeek-V3", "ChatGLM3-6B", "Baichuan2-7B", "GPT-OSS-20B"}) {
    run.model = gated;
    EXPECT_TRUE(scenario_of(run).spec.input.model.gated_mlp) << gated;
  }
}

TEST(ImportRun, AnA3RankIsADie) {
  PublishedRun run = plain_run();
  run.chip = "Ascend 910C die (A3)";
  run.system = "Atlas 800T A3 (8 cards/16 dies per node)";
  run.measured.tokens_per_s_rank = 100;
  const Scenario scenario = scenario_of(run);
  EXPECT_EQ(scenario.spec.input.chips, 8);
  EXPECT_EQ(scenario.spec.input.system.devices_per_chip, 2);
  EXPECT_DOUBLE_EQ(scenario.spec.published.tokens_per_s_chip, 200);  // two dies a chip
}

TEST(ImportRun, NetworkStatedANodeIsSharedByItsChips) {
  struct Case {
    const char* text;
    double gbps;
  };
  for (const Case& each :
       {Case{"A100-80GB cluster, 800Gb/s per node inter-node", 100}, Case{"A100 80GB, 1600Gbps RoCE node-node", 200},
        Case{"Selene: DGX A100, 8xHDR 200Gb/s per node", 200},
        Case{"ByteDance A100 cluster (8xA100, 8x200Gb/s, CLOS)", 200}, Case{"DGX-H100 (HGX 8, 400Gb/s IB)", 400},
        Case{"HGX 8 + 8x400Gb/s", 400}}) {
    PublishedRun run = plain_run();
    run.system = each.text;
    EXPECT_NEAR(scenario_of(run).spec.input.system.scale_out.bandwidth.value.value(), each.gbps * 1e9 / 8, 1)
        << each.text;
  }
}

TEST(ImportRun, UnknownChipsAreSaid) {
  PublishedRun run = plain_run();
  run.chip = "TPU v5p";
  EXPECT_NE(import_run(run).problem.find("TPU v5p"), std::string::npos);
  run = plain_run();
  run.layers = run.tensor = 0;
  EXPECT_EQ(import_run(run).problem, "the row does not give layers, tp");
}

TEST(ImportRun, PrecisionNames) {
  const std::map<std::string, Precision> names = {
      {"BF16", Precision::kBf16},   {"FP8 hybrid (TE)", Precision::kFp8}, {"FP8-CS", Precision::kFp8},
      {"MXFP8", Precision::kMxfp8}, {"FP8-MX", Precision::kMxfp8},        {"FP8 mixed", Precision::kFp8Block},
      {"NVFP4", Precision::kFp4},   {"FP16 O2", Precision::kFp16},        {"AMP", Precision::kBf16}};
  for (const auto& [name, precision] : names) {
    PublishedRun run = plain_run();
    run.precision = name;
    EXPECT_EQ(scenario_of(run).spec.input.plan.compute, precision) << name;
  }
}

TEST(ImportRun, ShardingNames) {
  struct Case {
    const char* text;
    std::int64_t stage, group;
  };
  for (const Case& each :
       {Case{"none (DDP)", 0, 0}, Case{"DDP (optimizer replicated)", 0, 0}, Case{"ZeRO-2 x4", 2, 0},
        Case{"Megatron distributed optimizer (ZeRO-1)", 1, 0}, Case{"FSDP FULL_SHARD", 3, 0},
        Case{"FSDP SHARD_GRAD_OP", 2, 0}, Case{"FSDP2 shard=2", 3, 2}, Case{"FSDP shard=64", 3, 0}}) {
    PublishedRun run = plain_run();
    run.sharding = each.text;
    run.pipeline = 1;
    run.data = 8;
    const PlanSpec plan = scenario_of(run).spec.input.plan;
    EXPECT_EQ(plan.zero_stage, each.stage) << each.text;
    EXPECT_EQ(plan.shard_group, each.group) << each.text;  // 8 replicas: 64 is no group of them
  }
}

// A schedule of many micro-batches per stage keeps gradients until its end (MegaScale, NSDI 2024, section 3.2: reduced
// chunk by chunk behind the last micro-batch).
TEST(ImportRun, PipelinesReduceGradientsOnce) {
  PublishedRun run = plain_run();
  run.sharding = "ZeRO-2";
  EXPECT_EQ(scenario_of(run).spec.input.plan.zero_stage, 1);
}

// 70e9 parameters on one rank: 4 x 70e9 B of bf16 weights and gradients are more than the 80e9 B of an H100.
TEST(ImportRun, WholeWeightsThatCannotFitAreSharded) {
  PublishedRun run = plain_run();
  run.model = "Llama-3-70B";
  run.parameters = 70e9;
  run.layers = 80;
  run.hidden = 8192;
  run.ffn = 28672;
  run.heads = 64;
  run.kv_heads = 8;
  run.vocab = 128256;
  run.tensor = run.pipeline = 1;
  run.data = 16;
  const Scenario scenario = scenario_of(run);
  EXPECT_EQ(scenario.spec.input.plan.zero_stage, 3);
  EXPECT_TRUE(says(scenario.assumptions, "ZeRO-3"));
}

TEST(ImportRun, RecomputationNames) {
  using enum RecomputeModule;
  struct Case {
    const char* text;
    Recompute kind;
    std::vector<RecomputeModule> modules;
    std::int64_t block;
  };
  const std::vector<Case> cases = {
      {"none (act ckpt null in config)", Recompute::kNone, {}, 0},
      {"full/block/8", Recompute::kFull, {}, 8},
      {"full/block/48", Recompute::kFull, {}, 32},  // all there are
      {"full/uniform/1", Recompute::kFull, {}, 0},
      {"gradient checkpointing", Recompute::kFull, {}, 0},
      {"selective", Recompute::kSelective, {kCoreAttention}, 0},
      {"mla_up_proj,mlp (per perf-recipe configs; not in table)", Recompute::kSelective, {kMlaUpProjection, kMlp}, 0},
      {"activation-function; actfn layers 1", Recompute::kSelective, {kActivation}, 0}};
  for (const Case& each : cases) {
    PublishedRun run = plain_run();
    run.recompute = each.text;
    const PlanSpec plan = scenario_of(run).spec.input.plan;
    EXPECT_EQ(plan.recompute, each.kind) << each.text;
    EXPECT_EQ(plan.recomputed.modules, each.modules) << each.text;
    EXPECT_EQ(plan.recomputed.block, each.block) << each.text;
  }
}

TEST(ImportRun, OverlapPhrases) {
  PublishedRun run = plain_run();
  run.overlap = "sequence-parallel use-mc2 overlap-grad-reduce use-flash-attn reuse-fp32-param";
  PlanSpec plan = scenario_of(run).spec.input.plan;
  EXPECT_TRUE(plan.overlap.tensor);
  EXPECT_TRUE(plan.overlap.grad_reduce);
  EXPECT_FALSE(plan.overlap.param_gather);  // not among the flags
  EXPECT_TRUE(plan.optimizer.split_master);
  run.overlap = "ALL overlap features OFF (no TP overlap, no P2P overlap); fused cross-entropy";
  plan = scenario_of(run).spec.input.plan;
  EXPECT_FALSE(plan.overlap.tensor || plan.overlap.grad_reduce || plan.overlap.param_gather || plan.overlap.pipeline);
  EXPECT_TRUE(plan.fused_loss);
}

// 7 billion parameters on 2 x 8 GPUs and micro-batches of 16 sequences: no room for what 32 layers keep.
TEST(ImportRun, UnstatedRecomputationIsWhateverFits) {
  PublishedRun run = plain_run();
  run.micro_batch = 16;
  run.global_batch = 256;
  run.tensor = 1;
  run.data = 16;
  EXPECT_EQ(scenario_of(run).spec.input.plan.recompute, Recompute::kNone);  // as the row says
  run.recompute = "";
  const Scenario scenario = scenario_of(run);
  EXPECT_EQ(scenario.spec.input.plan.recompute, Recompute::kFull);
  EXPECT_THAT(scenario.assumptions, ::testing::Contains(::testing::HasSubstr("full recomputation, the cheapest")));
  run.micro_batch = 1;
  EXPECT_EQ(scenario_of(run).spec.input.plan.recompute, Recompute::kNone);  // fits without
}

TEST(ImportRun, DenialsBeatThePhraseInsideThem) {
  PublishedRun run = plain_run();
  run.overlap = "TP comm overlap; no TP overlap";
  EXPECT_FALSE(scenario_of(run).spec.input.plan.overlap.tensor);
}

TEST(ImportRun, ContextParallelAlgorithms) {
  const std::map<std::string, ContextKind> names = {{"megatron_cp_algo", ContextKind::kRing},
                                                    {"ulysses_cp_algo", ContextKind::kUlysses},
                                                    {"hybrid_cp_algo", ContextKind::kHybrid},
                                                    {"CP via a2a", ContextKind::kUlysses}};
  for (const auto& [phrase, kind] : names) {
    PublishedRun run = plain_run();
    run.tensor = 1;
    run.context = 4;
    run.data = 2;
    run.overlap = phrase;
    EXPECT_EQ(scenario_of(run).spec.input.plan.context.kind, kind) << phrase;
  }
}

// 126 layers, embedding and head over 8 x 8 pieces: 128 / 64 = 2 each.
TEST(ImportRun, EmbeddingsEvenOutTheStages) {
  PublishedRun run = plain_run();
  run.layers = 126;
  run.ranks = 64;
  run.tensor = 1;
  run.pipeline = 8;
  run.virtual_stages = 8;
  run.data = 8;
  const PlanSpec plan = scenario_of(run).spec.input.plan;
  EXPECT_TRUE(plan.balance_embedding);
  EXPECT_FALSE(plan.uneven_stages);
  EXPECT_EQ(plan.virtual_stages, 8);
}

// Layers 1 and 15 of 16 compute nothing; 2 stages x 4 chunks of 2 layers: the first and the last piece lose one.
TEST(ImportRun, NoopLayersLeaveTheirPieces) {
  PublishedRun run = plain_run();
  run.layers = 16;
  run.virtual_stages = 4;
  run.notes = "spec:A-; flags: noop-layers=1,15";
  const SimulationInput input = scenario_of(run).spec.input;
  EXPECT_EQ(input.model.layers, 14);
  EXPECT_EQ(input.plan.stage_layers, (std::vector<std::int64_t>{1, 2, 2, 2, 2, 2, 2, 1}));
}

TEST(ImportRun, LayerListsAreTakenStageByStage) {
  PublishedRun run = plain_run();
  run.layers = 6;
  run.pipeline = 4;
  run.data = 2;
  run.notes = "spec:A-; flags: num-layer-list=1,2,2,1";
  EXPECT_EQ(scenario_of(run).spec.input.plan.stage_layers, (std::vector<std::int64_t>{1, 2, 2, 1}));
}

// nanotron moves to the next stage behind the block that reaches the stage's share, or before its fix exceeds it. 16
// layers of weight 1 and a head of 4 over 2 stages: share 10, reached by the 10th layer and exceeded by the 11th. Over
// 8: shares 2.5, 5, 7.5, 10, … are exceeded behind layers 3, 6, 8, 11, 13, 16 and reached behind 3, 5, 8, 10, 13, 15.
TEST(ImportRun, NanotronStages) {
  using Layers = std::vector<std::int64_t>;
  EXPECT_EQ(nanotron_stage_layers(16, 2, 1, 4, false), (Layers{11, 5}));
  EXPECT_EQ(nanotron_stage_layers(16, 2, 1, 4, true), (Layers{10, 6}));
  EXPECT_EQ(nanotron_stage_layers(16, 8, 1, 4, false), (Layers{3, 3, 2, 3, 2, 3, 0, 0}));
  EXPECT_EQ(nanotron_stage_layers(16, 8, 1, 4, true), (Layers{3, 2, 3, 2, 3, 2, 1, 0}));
  EXPECT_EQ(nanotron_stage_layers(5, 1, 1, 100, true), (Layers{5}));
}

TEST(ImportRun, ExpertParallelismBeyondAStageIsCut) {
  PublishedRun run = plain_run();
  run.model = "Mixtral-8x7B";
  run.kv_heads = 8;
  run.ffn = run.moe_ffn = 14336;
  run.experts = 8;
  run.topk = 2;
  run.pipeline = 4;
  run.data = 2;
  run.expert = 8;  // of 2 x 2 ranks
  run.expert_tensor = 1;
  const Scenario scenario = scenario_of(run);
  EXPECT_EQ(scenario.spec.input.plan.expert_parallel, 4);
  EXPECT_TRUE(says(scenario.assumptions, "does not fit 4 ranks"));
}

TEST(ImportRun, AMissingBatchIsStated) {
  PublishedRun run = plain_run();
  run.global_batch = 0;
  Scenario scenario = scenario_of(run);
  EXPECT_EQ(scenario.spec.input.plan.global_batch, 64);  // 8 x 2 stages micro-batches x 4 replicas
  EXPECT_TRUE(says(scenario.assumptions, "16 micro-batches a replica"));
  run.notes = "spec:A; accumulate_steps 9 default";
  EXPECT_EQ(scenario_of(run).spec.input.plan.global_batch, 36);  // 9 x 4 replicas
  run.notes = "spec:A; GBS=2M tokens";
  EXPECT_EQ(scenario_of(run).spec.input.plan.global_batch, 512);  // 2^21 / 4096
}

TEST(ImportRun, KindsOfTraining) {
  PublishedRun run = plain_run();
  EXPECT_EQ(import_run(run).kind, RunKind::kPretrain);
  run.id = "x-lora-1";
  run.notes = "spec:A; LoRA/SFT on SQuAD packed; LoRA r16 on frozen base";
  EXPECT_EQ(import_run(run).kind, RunKind::kLora);
  EXPECT_EQ(scenario_of(run).spec.input.plan.lora.rank, 16);
  run.id = "x-sft-1";  // the same notes
  EXPECT_EQ(import_run(run).kind, RunKind::kSft);
  EXPECT_EQ(scenario_of(run).spec.input.plan.document_length, 256);
}

// 512 samples of 2,048 tokens on average in sequences of 4,096: 256 sequences an update.
TEST(ImportRun, AReinforcementStepHasRollouts) {
  PublishedRun run = plain_run();
  run.global_batch = 2048;
  run.overlap = "RL (GRPO, 1-step Off): vLLM generation TP4 PP1; Megatron-core training; train GBS 512";
  run.notes = "spec:A (RL step); RL lengths: max 4096, avg 2048";
  run.data = 0;
  EXPECT_EQ(import_run(run).kind, RunKind::kRl);
  const Scenario scenario = scenario_of(run);
  ASSERT_TRUE(scenario.spec.rl);
  const RlSpec& rl = scenario.spec.rl->spec;
  EXPECT_EQ(rl.prompts * rl.samples, 2048);
  EXPECT_EQ(rl.placement.rollout_chips, 8);  // half of 16
  EXPECT_EQ(rl.placement.staleness, 1);
  EXPECT_EQ(rl.rollout.tensor_parallel, 4);
  EXPECT_EQ(scenario.spec.input.plan.data_parallel, 2);  // 8 / (2 x 2)
  EXPECT_EQ(scenario.spec.input.plan.global_batch, 256);
}

TEST(ImportRun, EveryAssumptionStandsInTheText) {
  PublishedRun run = plain_run();
  run.micro_batch = 0;
  const ImportedRun imported = import_run(run);
  const std::string text = scenario_text(run, imported);
  ASSERT_FALSE(imported.assumptions.empty());
  for (const std::string& each : imported.assumptions) EXPECT_NE(text.find("# assumed: " + each), std::string::npos);
  const auto loaded = testing::load_text(text);
  ASSERT_TRUE(loaded.scenario) << loaded.messages();
  EXPECT_EQ(loaded.scenario->resolved, scenario_of(run).resolved);
}

TEST(ImportRun, FamiliesNameEntriesOfTheCatalogue) {
  for (const ModelFamily& family : model_families()) {
    if (family.catalogue.empty()) continue;
    EXPECT_NE(find_in_catalogue(CatalogueKind::kModel, family.catalogue), nullptr) << family.catalogue;
  }
}

}  // namespace
}  // namespace supernode
