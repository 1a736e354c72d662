// The checks of a plan against its model and system: what is refused, where, and with which nearest legal values.

#include <gmock/gmock.h>

#include "plan_fixture.hpp"

namespace supernode {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> messages(const Diagnostics& diagnostics) {
  std::vector<std::string> all;
  for (const Diagnostic& d : diagnostics.all()) all.push_back(d.message);
  return all;
}

// The checks' messages for a plan on `ranks` ranks.
std::vector<std::string> problems(const std::string& yaml, const ModelSpec& model, std::int64_t ranks) {
  Diagnostics diagnostics;
  read_plan(yaml, diagnostics, &model, ranks);
  return messages(diagnostics);
}

ModelSpec model_with(std::int64_t layers) {
  ModelSpec model = small_dense_model();
  model.layers = layers;
  return model;
}

constexpr const char* kBatch = "global_batch: 64\nsequence_length: 128\n";

TEST(PlanCheck, DerivesDataParallel) {
  Diagnostics diagnostics;
  const ModelSpec model = small_dense_model();
  const PlanSpec plan =
      read_plan(std::string("tensor_parallel: 2\npipeline_parallel: 4\n") + kBatch, diagnostics, &model, 64);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_EQ(plan.data_parallel, 8);
}

TEST(PlanCheck, WorldSizeMustMatch) {
  ModelSpec model = model_with(16);
  const std::string plan =
      "tensor_parallel: 8\npipeline_parallel: 16\ndata_parallel: 10\nglobal_batch: 80\n"
      "sequence_length: 128\n";
  EXPECT_THAT(problems(plan, model, 1024),
              ElementsAre("tensor_parallel 8 x pipeline_parallel 16 x data_parallel 10 = 1280, but the system has 1024 "
                          "ranks; data_parallel 8 fits"));
}

TEST(PlanCheck, StagesMustDivideRanks) {
  EXPECT_THAT(problems(std::string("tensor_parallel: 8\npipeline_parallel: 12\n") + kBatch, model_with(12), 128),
              ElementsAre("tensor_parallel 8 x pipeline_parallel 12 = 96 does not divide the system's 128 ranks; "
                          "pipeline_parallel 8 and 16 fit"));
}

TEST(PlanCheck, TensorParallelMustDivideTheModel) {
  // heads 8, hidden 256, ffn 1024 and sequence 128 are each no multiple of 3; the vocabulary (512) is padded.
  const ModelSpec model = small_dense_model();
  EXPECT_THAT(problems(std::string("tensor_parallel: 3\n") + kBatch, model, 3),
              ElementsAre("heads 8 is not divisible by tensor_parallel 3; 2 and 4 are",
                          "hidden 256 is not divisible by tensor_parallel 3; 2 and 4 are",
                          "ffn 1024 is not divisible by tensor_parallel 3; 2 and 4 are",
                          "sequence_length 128 is not divisible by tensor_parallel 3; 2 and 4 are",
                          "kv_heads 8 is neither a multiple nor a divisor of tensor_parallel 3; 2 and 4 are"));
}

// 2 key-value heads on 4 ranks: each stands on two. 3 on 2 or 4 ranks: no rank would have a whole one.
TEST(PlanCheck, KeyValueHeadsMayStandOnSeveralRanks) {
  ModelSpec model = small_dense_model();
  model.attention.kind = AttentionKind::kGqa;
  model.attention.kv_heads = 2;
  EXPECT_THAT(problems(std::string("tensor_parallel: 4\n") + kBatch, model, 4), ElementsAre());
  model.attention.heads = 12, model.attention.kv_heads = 3, model.hidden = 384, model.ffn = 1536;
  EXPECT_THAT(problems(std::string("tensor_parallel: 4\n") + kBatch, model, 4),
              ElementsAre("kv_heads 3 is neither a multiple nor a divisor of tensor_parallel 4; 1 is"));
}

TEST(PlanCheck, TwoDimensionalTensorParallelism) {
  const ModelSpec model = small_dense_model();
  EXPECT_THAT(problems(std::string("tensor_parallel: 4\ntensor_y: 2\n") + kBatch, model, 4), ElementsAre());
  EXPECT_THAT(problems(std::string("tensor_parallel: 4\ntensor_y: 3\n") + kBatch, model, 4),
              ElementsAre("tensor_y 3 does not divide tensor_parallel 4; 2 and 4 do"));
}

// 128 tokens on 4 ranks, 32 each; zigzag halves of 16 need 8 to divide the sequence.
TEST(PlanCheck, ContextParallelMustDivideTheSequence) {
  const ModelSpec model = small_dense_model();
  const auto with = [&](const std::string& plan, std::int64_t length, std::int64_t ranks) {
    return problems(plan + "global_batch: 8\nsequence_length: " + std::to_string(length) + "\n", model, ranks);
  };
  EXPECT_THAT(with("context_parallel: 4\n", 128, 4), ElementsAre());
  EXPECT_THAT(with("context_parallel: 4\n", 132, 4),
              ElementsAre("sequence_length 132 is not divisible by 2 x context_parallel 4; 3 and 6 fit"));
  EXPECT_THAT(with("context_parallel: 4\ncontext: {balanced: false}\n", 132, 4), ElementsAre());
  EXPECT_THAT(with("context_parallel: 4\ncontext: {kind: ulysses}\n", 132, 4), ElementsAre());
  EXPECT_THAT(with("context_parallel: 4\ncontext: {kind: ulysses}\n", 130, 4),
              ElementsAre("sequence_length 130 is not divisible by context_parallel 4; 2 and 5 fit"));
  // Sequence parallelism shards the rank's share: 136 / 4 = 34 does not divide by 4, though 136 does.
  EXPECT_THAT(with("context_parallel: 4\ntensor_parallel: 4\n", 136, 16),
              ElementsAre("sequence_length / context_parallel 34 is not divisible by tensor_parallel 4; 2 is"));
}

// 8 heads on 4 tensor-parallel ranks: 2 each, for at most 2 Ulysses ranks.
TEST(PlanCheck, UlyssesNeedsHeads) {
  const ModelSpec model = small_dense_model();
  const std::string batch = "global_batch: 8\nsequence_length: 128\n";
  EXPECT_THAT(problems("tensor_parallel: 4\ncontext_parallel: 2\ncontext: {kind: ulysses}\n" + batch, model, 8),
              ElementsAre());
  EXPECT_THAT(
      problems("tensor_parallel: 4\ncontext_parallel: 4\ncontext: {kind: ulysses}\n" + batch, model, 16),
      ElementsAre("2 heads and 2 kv_heads of a tensor-parallel rank do not divide over 4 Ulysses ranks; 2 does"));
  EXPECT_THAT(
      problems("tensor_parallel: 4\ncontext_parallel: 4\ncontext: {kind: hybrid, ulysses: 2}\n" + batch, model, 16),
      ElementsAre());
  EXPECT_THAT(problems("context_parallel: 4\ncontext: {kind: hybrid, ulysses: 3}\n" + batch, model, 4),
              ElementsAre("context.ulysses 3 does not divide context_parallel 4; 2 and 4 do"));
  EXPECT_THAT(problems("context_parallel: 4\ncontext: {ulysses: 2}\n" + batch, model, 4),
              ElementsAre("context.ulysses has no effect: context.kind is ring, not hybrid"));
  ModelSpec grouped = model;  // one key-value head a rank: each of two Ulysses ranks has it
  grouped.attention.kind = AttentionKind::kGqa;
  grouped.attention.kv_heads = 4;
  EXPECT_THAT(problems("tensor_parallel: 4\ncontext_parallel: 2\ncontext: {kind: ulysses}\n" + batch, grouped, 8),
              ElementsAre());
}

TEST(PlanCheck, DocumentsFitIntoTheSequence) {
  EXPECT_THAT(problems(std::string("document_length: 256\n") + kBatch, small_dense_model(), 1),
              ElementsAre("document_length 256 is above sequence_length 128"));
}

TEST(PlanCheck, ExpertsMustDivide) {
  ModelSpec model = small_moe_model();
  model.moe.experts = 256;
  const std::string plan = "expert_parallel: 48\nglobal_batch: 192\nsequence_length: 128\n";
  EXPECT_THAT(problems(plan, model, 192),
              ElementsAre("experts 256 is not divisible by expert_parallel 48; 32 and 64 are"));
  EXPECT_THAT(problems("expert_parallel: 64\nglobal_batch: 96\nsequence_length: 128\n", model, 96),
              ElementsAre("expert_parallel 64 does not divide tensor_parallel 1 x data_parallel 96 = 96; 32 does"));
  EXPECT_THAT(problems(std::string("expert_parallel: 2\n") + kBatch, small_dense_model(), 2),
              ElementsAre("expert_parallel 2 needs a model with experts"));
  EXPECT_THAT(problems(std::string("tensor_parallel: 2\nsequence_parallel: false\n") + kBatch, model, 2),
              ElementsAre(HasSubstr("needs sequence_parallel: true")));
}

// Experts are laid out over tensor x context x data parallelism: 2·4·3 = 24 ranks.
TEST(PlanCheck, ExpertRanksCountContextParallelism) {
  ModelSpec model = small_moe_model();  // 16 experts of width 128
  const std::string plan = "tensor_parallel: 2\ncontext_parallel: 4\nglobal_batch: 12\nsequence_length: 128\n";
  EXPECT_THAT(problems(plan + "expert_parallel: 8\n", model, 24), ElementsAre());
  EXPECT_THAT(
      problems(plan + "expert_parallel: 16\n", model, 24),
      ElementsAre("expert_parallel 16 does not divide tensor_parallel 2 x context_parallel 4 x data_parallel 3 = "
                  "24; 8 does"));
  EXPECT_THAT(problems(plan + "expert_parallel: 8\nexpert_tensor_parallel: 2\n", model, 24),
              ElementsAre("expert_parallel 8 x expert_tensor_parallel 2 = 16 does not divide tensor_parallel 2 x "
                          "context_parallel 4 x data_parallel 3 = 24; expert_parallel 4 does"));
  EXPECT_THAT(problems(plan + "expert_tensor_parallel: 3\n", model, 24),
              ElementsAre("expert ffn 128 is not divisible by expert_tensor_parallel 3; 2 and 4 are"));
  EXPECT_THAT(problems(std::string("expert_tensor_parallel: 2\n") + kBatch, small_dense_model(), 2),
              ElementsAre("expert_tensor_parallel 2 needs a model with experts"));
}

TEST(PlanCheck, RoutingMustBePossible) {
  const ModelSpec model = small_moe_model();
  EXPECT_THAT(problems(std::string("routing: {pad_to_capacity: true}\n") + kBatch, model, 1),
              ElementsAre("routing.pad_to_capacity needs a routing.capacity_factor above 0"));
  EXPECT_THAT(problems(std::string("expert_parallel: 2\nrouting: {imbalance: 2.5}\n") + kBatch, model, 2),
              ElementsAre("routing.imbalance 2.5 is above expert_parallel 2: no rank can have more than all tokens"));
}

TEST(PlanCheck, StageLayersMustSumToTheModel) {
  const std::string plan = "pipeline_parallel: 4\nglobal_batch: 4\nsequence_length: 128\n";
  EXPECT_THAT(problems(plan + "stage_layers: [0, 4, 4, 2]\n", model_with(10), 4), ElementsAre());
  EXPECT_THAT(problems(plan + "stage_layers: [4, 4, 1]\n", model_with(9), 4),
              ElementsAre("stage_layers has 3 entries, but the model has 4 pieces (pipeline_parallel 4)"));
  EXPECT_THAT(problems(plan + "stage_layers: [4, 4, 1, 3]\n", model_with(10), 4),
              ElementsAre("stage_layers sums to 12, but the model has 10 layers; 2 too many"));
  EXPECT_THAT(problems(plan + "stage_layers: [4, 4, 1, 1]\nuneven_stages: true\n", model_with(10), 4),
              ElementsAre("uneven_stages has no effect: stage_layers gives the split"));
  // DualPipe holds the model twice: its pieces are those of one copy.
  EXPECT_THAT(problems("pipeline_parallel: 4\nschedule: dualpipe\nstage_layers: [3, 3, 3, 1]\nglobal_batch: 8\n"
                       "sequence_length: 128\n",
                       model_with(10), 4),
              ElementsAre());
}

TEST(PlanCheck, RecomputationIsOfLayersThatExist) {
  const ModelSpec model = small_dense_model();
  EXPECT_THAT(problems(std::string("recompute: full\nrecomputed: {block: 5}\n") + kBatch, model, 1),
              ElementsAre("recomputed.block 5 is above the model's 4 layers"));
  EXPECT_THAT(problems(std::string("recompute: full\nrecomputed: {block: 2, group: 2}\n") + kBatch, model, 1),
              ElementsAre(HasSubstr("either block")));
  EXPECT_THAT(problems(std::string("recomputed: {block: 2}\n") + kBatch, model, 1),
              ElementsAre(HasSubstr("no effect: recompute is none, not full")));
  EXPECT_THAT(problems(std::string("recompute: full\nrecomputed: {modules: [norm]}\n") + kBatch, model, 1),
              ElementsAre(HasSubstr("no effect: recompute is full, not selective")));
}

TEST(PlanCheck, ShardGroupsDivideTheReplicas) {
  const ModelSpec model = small_dense_model();
  EXPECT_THAT(problems(std::string("shard_group: 4\n") + kBatch, model, 8), ElementsAre());
  EXPECT_THAT(problems(std::string("shard_group: 3\n") + kBatch, model, 8),
              ElementsAre("shard_group 3 does not divide data_parallel 8 x context_parallel 1 = 8; 2 and 4 do"));
  EXPECT_THAT(problems(std::string("zero_stage: 0\nshard_group: 4\n") + kBatch, model, 8),
              ElementsAre("shard_group has no effect: zero_stage is 0"));
  // 12 replicas, experts on 2 of them each: 6 replicas of the experts, which groups of 4 do not divide.
  EXPECT_THAT(
      problems("expert_parallel: 2\nshard_group: 4\nglobal_batch: 12\nsequence_length: 128\n", small_moe_model(), 12),
      ElementsAre("shard_group 4 does not divide the 6 replicas of the experts; 3 and 6 do"));
}

TEST(PlanCheck, LayersMustDivideUnlessUneven) {
  const ModelSpec model = model_with(61);
  const std::string plan = "pipeline_parallel: 16\nglobal_batch: 16\nsequence_length: 128\n";
  // 61 is prime: below 16 only 1 divides it, above only 61.
  EXPECT_THAT(
      problems(plan, model, 16),
      ElementsAre("layers 61 is not divisible by pipeline_parallel 16; 1 and 61 are; uneven_stages: true allows "
                  "stages that differ by one layer"));
  // 61 + 2 = 63 = 7·9 = 21·3.
  EXPECT_THAT(problems(plan + "balance_embedding: true\n", model, 16),
              ElementsAre(HasSubstr("layers + embedding + head = 63 is not divisible by pipeline_parallel 16; 9 and 21 "
                                    "are")));
  EXPECT_THAT(problems(plan + "uneven_stages: true\n", model, 16), ElementsAre());
  EXPECT_THAT(problems(plan + "uneven_stages: true\n", model_with(12), 16),
              ElementsAre("layers 12 are too few for pipeline_parallel 16: each piece needs at least 1"));
  ModelSpec with_mtp = model;
  with_mtp.mtp_layers = 1;  // 61 + 2 + 1 = 64
  EXPECT_THAT(problems(plan + "balance_embedding: true\n", with_mtp, 16), ElementsAre());
  with_mtp.layers = 29;  // 32 over 32 pieces leaves one for head and MTP module
  EXPECT_THAT(problems("pipeline_parallel: 16\nvirtual_stages: 2\nbalance_embedding: true\nglobal_batch: 16\n"
                       "sequence_length: 128\n",
                       with_mtp, 16),
              ElementsAre("layers + embedding + head + MTP modules = 32 are too few for pipeline_parallel 16 x "
                          "virtual_stages 2 = 32: each piece needs at least 2"));
}

TEST(PlanCheck, BatchMustDivide) {
  EXPECT_THAT(problems("micro_batch: 2\nglobal_batch: 100\nsequence_length: 128\n", small_dense_model(), 8),
              ElementsAre("global_batch 100 is not divisible by micro_batch 2 x data_parallel 8 = 16; 96 and 112 are"));
}

TEST(PlanCheck, ScheduleNeedsItsStages) {
  const ModelSpec model = model_with(16);
  const auto with = [&](const std::string& plan, std::int64_t batch, std::int64_t ranks) {
    return problems(plan + "global_batch: " + std::to_string(batch) + "\nsequence_length: 128\n", model, ranks);
  };
  EXPECT_THAT(with("pipeline_parallel: 4\nvirtual_stages: 2\n", 6, 4), ElementsAre());  // groups of 6 micro-batches
  EXPECT_THAT(with("pipeline_parallel: 4\nschedule: interleaved\n", 8, 4),
              ElementsAre("schedule interleaved needs virtual_stages of at least 2"));
  for (const std::string schedule : {"1f1b", "gpipe", "zb-h1"}) {
    EXPECT_THAT(with("pipeline_parallel: 4\nvirtual_stages: 2\nschedule: " + schedule + "\n", 8, 4),
                ElementsAre("schedule " + schedule +
                            " has one chunk per stage, but virtual_stages is 2; use "
                            "interleaved"));
  }
  EXPECT_THAT(with("virtual_stages: 2\n", 8, 1), ElementsAre(HasSubstr("needs pipeline_parallel of at least 2")));
  for (const std::string schedule : {"zb-v", "dualpipe", "dualpipev"}) {
    EXPECT_THAT(with("pipeline_parallel: 2\nschedule: " + schedule + "\n", 8, 2), ElementsAre());
    EXPECT_THAT(with("pipeline_parallel: 2\nvirtual_stages: 4\nschedule: " + schedule + "\n", 8, 2),
                ElementsAre("schedule " + schedule + " has 2 chunks per stage, not 4"));
    EXPECT_THAT(with("schedule: " + schedule + "\n", 8, 1),
                ElementsAre("schedule " + schedule + " needs pipeline_parallel of at least 2"));
  }
}

TEST(PlanCheck, TwoWaySchedulesNeedEnoughMicrobatches) {
  const ModelSpec model = model_with(24);
  const auto with = [&](const std::string& plan, std::int64_t batch, std::int64_t ranks) {
    return problems(plan + "global_batch: " + std::to_string(batch) + "\nsequence_length: 128\n", model, ranks);
  };
  EXPECT_THAT(with("pipeline_parallel: 3\nschedule: dualpipe\n", 8, 3),
              ElementsAre("schedule dualpipe needs an even pipeline_parallel, not 3; 2 and 4 are"));
  EXPECT_THAT(
      with("pipeline_parallel: 4\nschedule: dualpipev\n", 12, 8),
      ElementsAre("global_batch 12 makes 6 micro-batches per replica, but schedule dualpipev needs at least 2 x "
                  "pipeline_parallel = 8: global_batch 16 is enough"));
  EXPECT_THAT(with("pipeline_parallel: 4\nschedule: dualpipe\n", 18, 8),
              ElementsAre("global_batch 18 makes 9 micro-batches per replica, but schedule dualpipe needs an even "
                          "number, half for each direction; 16 and 20 are"));
}

TEST(PlanCheck, ReportsAllProblemsAtTheirKeys) {
  Diagnostics diagnostics;
  const ModelSpec model = small_moe_model();  // 4 layers, 16 experts
  read_plan("tensor_parallel: 1\npipeline_parallel: 3\nexpert_parallel: 5\nglobal_batch: 7\nsequence_length: 128\n",
            diagnostics, &model, 6);
  std::vector<int> lines;
  for (const Diagnostic& d : diagnostics.all()) lines.push_back(d.position.line);
  // Layers by stages (line 2), experts by EP and EP by ranks (line 3), batch by DP 2 (line 4).
  EXPECT_THAT(lines, ::testing::UnorderedElementsAre(2, 3, 3, 4)) << diagnostics.render();
}

TEST(PlanCheck, WarnsOfOverlapWithoutEffect) {
  Diagnostics diagnostics;
  const ModelSpec model = small_dense_model();
  read_plan(std::string("overlap: {expert: true}\n") + kBatch, diagnostics, &model, 1);
  EXPECT_FALSE(diagnostics.has_errors());
  EXPECT_THAT(messages(diagnostics), ElementsAre("overlap.expert has no effect: expert_parallel is 1"));
  EXPECT_THAT(problems(std::string("expert_parallel: 2\nschedule: gpipe\noverlap: {expert: true}\n") + kBatch,
                       small_moe_model(), 2),
              ElementsAre(HasSubstr("schedule gpipe runs no forward pass beside a backward pass")));
  EXPECT_THAT(problems(std::string("overlap: {tensor: true}\n") + kBatch, model, 1),
              ElementsAre("overlap.tensor has no effect: tensor_parallel is 1"));
  EXPECT_THAT(problems(std::string("lora: {attention_only: true}\n") + kBatch, model, 1),
              ElementsAre("lora.attention_only has no effect: lora.rank is 0"));
}

TEST(PlanCheck, AdaptersAreSmallerThanTheModel) {
  EXPECT_THAT(problems(std::string("lora: {rank: 300}\n") + kBatch, small_dense_model(), 1),
              ElementsAre("lora.rank 300 is above the model's hidden size 256"));
}

TEST(PlanCheck, MissingKeysDoNotCascade) {
  Diagnostics diagnostics;
  const ModelSpec model = small_dense_model();
  read_plan("tensor_parallel: 2\n", diagnostics, &model, 4);
  EXPECT_EQ(diagnostics.error_count(), 2) << diagnostics.render();  // global_batch and sequence_length
}

}  // namespace
}  // namespace supernode
