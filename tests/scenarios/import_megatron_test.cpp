// Launch scripts of Megatron-LM and MindSpeed against the scenarios they become.
#include "scenarios/import_megatron.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/import_megatron_flags.hpp"
#include "scenarios/import_shell.hpp"
#include "tests/scenarios/import_fixture.hpp"

namespace supernode {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::says;

const std::string kModel =
    "--num-layers 32 --hidden-size 4096 --ffn-hidden-size 11008 --num-attention-heads 32 --swiglu "
    "--normalization RMSNorm --position-embedding-type rope --untie-embeddings-and-output-weights "
    "--disable-bias-linear "
    "--padded-vocab-size 32000 --seq-length 4096 --micro-batch-size 1 --bf16 --use-flash-attn ";

struct Read {
  std::optional<ImportedYaml> yaml;
  std::optional<Scenario> scenario;
  std::string messages;
};

Read read(const std::string& script, const std::string& system = "") {
  Diagnostics diagnostics;
  Read out;
  out.yaml = read_megatron({"script.sh", script}, system, diagnostics);
  out.messages = diagnostics.render();
  if (!out.yaml) return out;
  auto loaded = testing::load_text(import_text(*out.yaml, "test"));
  out.scenario = std::move(loaded.scenario);
  out.messages += loaded.messages();
  return out;
}

TEST(Shell, VariablesAreFilledIn) {
  const ShellScript script =
      read_shell("TP=8\nexport PP=${PP:-4}\nN=$(($TP*PP/2))\nrun --a $TP --b ${PP} --c $N # --d 1\n");
  ASSERT_EQ(script.commands.size(), 1u);
  EXPECT_THAT(script.commands[0], ElementsAre("run", "--a", "8", "--b", "4", "--c", "16"));
}

TEST(Shell, LinesContinueAndArraysSpread) {
  const ShellScript script =
      read_shell("ARGS=(\n  --x 1  # one\n  --y \"a b\"\n)\nARGS+=(--z)\ngo ${ARGS[@]} \\\n  --last\n");
  ASSERT_EQ(script.commands.size(), 1u);
  EXPECT_THAT(script.commands[0], ElementsAre("go", "--x", "1", "--y", "a", "b", "--z", "--last"));
}

TEST(Shell, UnsetNamesAreKept) { EXPECT_THAT(read_shell("go --path $WHERE").unset, ElementsAre("WHERE")); }

TEST(Shell, Arithmetic) {
  EXPECT_EQ(shell_arithmetic("2*(3+1)-6/4", {}), 7);  // 8 - 1
  EXPECT_EQ(shell_arithmetic("A % 5", {{"A", "13"}}), 3);
  EXPECT_EQ(shell_arithmetic("1/0", {}), 0);
}

TEST(ImportMegatron, AScriptBecomesAScenario) {
  const Read out =
      read("GPUS_PER_NODE=8\nNNODES=2\nTP=4\nARGS=\"\n " + kModel +
           " --tensor-model-parallel-size ${TP} \\\n --pipeline-model-parallel-size 2 --sequence-parallel \\\n"
           " --num-layers-per-virtual-pipeline-stage 4 --global-batch-size 64 --use-distributed-optimizer"
           " --overlap-grad-reduce\n\"\ntorchrun --nproc_per_node $GPUS_PER_NODE --nnodes $NNODES train.py $ARGS\n");
  ASSERT_TRUE(out.scenario) << out.messages;
  const SimulationInput& input = out.scenario->spec.input;
  EXPECT_EQ(input.chips, 16);
  EXPECT_EQ(input.plan.data_parallel, 2);   // 16 / (4 x 2)
  EXPECT_EQ(input.plan.virtual_stages, 4);  // 32 layers / 2 stages / 4
  EXPECT_EQ(input.plan.zero_stage, 1);
  EXPECT_TRUE(input.plan.overlap.grad_reduce);
  EXPECT_FALSE(input.plan.overlap.param_gather);
  EXPECT_EQ(input.plan.gradient, Precision::kFp32);
  EXPECT_EQ(input.model.ffn, 11008);
  EXPECT_TRUE(input.model.gated_mlp);
  EXPECT_FALSE(input.model.tied_embeddings);
}

TEST(ImportMegatron, MegatronsDefaults) {
  const Read out = read(
      "--num-layers 4 --hidden-size 1024 --num-attention-heads 16 --seq-length 1024 --vocab-size 50000 "
      "--max-position-embeddings 2048 --fp16 --tensor-model-parallel-size 2");
  ASSERT_TRUE(out.scenario) << out.messages;
  const SimulationInput& input = out.scenario->spec.input;
  EXPECT_EQ(input.model.ffn, 4096);     // 4 x hidden
  EXPECT_EQ(input.model.vocab, 50176);  // up to a multiple of 128 x 2
  EXPECT_EQ(input.model.max_positions, 2048);
  EXPECT_TRUE(input.model.tied_embeddings && input.model.mlp_bias && input.model.attention.bias &&
              input.model.norm_bias);
  EXPECT_EQ(input.plan.zero_stage, 0);
  EXPECT_EQ(input.plan.gradient, Precision::kFp16);
  EXPECT_FALSE(input.plan.flash_attention);
  EXPECT_TRUE(says(out.yaml->assumptions, "the system hgx-h100"));
}

TEST(ImportMegatron, MindSpeedFlags) {
  const Read out =
      read(kModel +
           "--tensor-model-parallel-size 8 --context-parallel-size 2 --context-parallel-algo hybrid_cp_algo "
           "--ulysses-degree-in-cp 2 --use-ascend-mc2 --swap-optimizer --reuse-fp32-param --lora-r 8 --nnodes 2 "
           "--nproc-per-node 8 --recompute-activation-function --sequence-parallel");
  ASSERT_TRUE(out.scenario) << out.messages;
  const SimulationInput& input = out.scenario->spec.input;
  EXPECT_EQ(input.system.name, "atlas-800t-a2");
  EXPECT_EQ(input.plan.context.kind, ContextKind::kHybrid);
  EXPECT_TRUE(input.plan.overlap.tensor);
  EXPECT_EQ(input.plan.offload.optimizer, 1);
  EXPECT_TRUE(input.plan.optimizer.split_master);
  EXPECT_EQ(input.plan.stack, TrainingStack::kMindSpeed);
  EXPECT_EQ(input.plan.lora.rank, 8);
  EXPECT_THAT(input.plan.recomputed.modules, ElementsAre(RecomputeModule::kActivation));
}

TEST(ImportMegatron, ExpertsAndLatentAttention) {
  const Read out = read(
      "--num-layers 8 --hidden-size 7168 --ffn-hidden-size 18432 --num-attention-heads 128 --swiglu "
      "--normalization RMSNorm --position-embedding-type rope --disable-bias-linear --padded-vocab-size 129280 "
      "--untie-embeddings-and-output-weights --seq-length 4096 --bf16 --multi-latent-attention --q-lora-rank 1536 "
      "--kv-lora-rank 512 --qk-head-dim 128 --qk-pos-emb-head-dim 64 --v-head-dim 128 --num-experts 64 "
      "--moe-router-topk 8 --moe-ffn-hidden-size 2048 --moe-shared-expert-intermediate-size 2048 "
      "--moe-layer-freq ([0]*3+[1]*5) --expert-model-parallel-size 8 --expert-tensor-parallel-size 1 "
      "--mtp-num-layers 1 --nnodes 1 --nproc-per-node 8 --recompute-granularity selective "
      "--recompute-modules mla_up_proj moe_act layernorm");
  ASSERT_TRUE(out.scenario) << out.messages;
  const SimulationInput& input = out.scenario->spec.input;
  EXPECT_EQ(input.model.attention.kind, AttentionKind::kMla);
  EXPECT_EQ(input.model.moe.first_dense, 3);
  EXPECT_EQ(input.model.shared_width(), 2048);
  EXPECT_EQ(input.model.mtp_layers, 1);
  EXPECT_EQ(input.plan.expert_parallel, 8);
  EXPECT_EQ(input.plan.recomputed.modules.size(), 3u);
}

TEST(ImportMegatron, UnknownAndCostlyFlagsAreSaid) {
  const Read out = read(kModel + "--frobnicate 3 --moe-zero-memory level0 --lr 1e-4 --save out");
  ASSERT_TRUE(out.yaml) << out.messages;
  EXPECT_TRUE(says(out.yaml->warnings, "--frobnicate is not known"));
  EXPECT_TRUE(says(out.yaml->warnings, "--moe-zero-memory"));
  EXPECT_FALSE(says(out.yaml->warnings, "--lr"));
}

TEST(ImportMegatron, WhatIsMissingIsSaid) {
  EXPECT_THAT(read("echo hello").messages, HasSubstr("not a Megatron launch script"));
  EXPECT_THAT(read("--num-layers 4 --num-attention-heads 8").messages, HasSubstr("missing --hidden-size"));
  EXPECT_THAT(read(kModel + "--tensor-model-parallel-size two").messages, HasSubstr("'two' is not an integer"));
  EXPECT_THAT(read(kModel, "hgx-h10").messages, HasSubstr("did you mean"));
}

TEST(ImportMegatron, FlagsStandOnceInTheTable) {
  std::map<std::string_view, int> names;
  for (const MegatronFlag& flag : megatron_flags()) EXPECT_EQ(++names[flag.name], 1) << flag.name;
}

}  // namespace
}  // namespace supernode
