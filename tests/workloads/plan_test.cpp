// Reading a plan, checking it, and laying it out over ranks and layers.

#include <gmock/gmock.h>

#include <numeric>

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

std::vector<std::int64_t> indices(const std::vector<DeviceId>& members) {
  std::vector<std::int64_t> all;
  for (DeviceId id : members) all.push_back(id.index);
  return all;
}

std::vector<std::int64_t> layers_per_piece(const PlanSpec& plan, const ModelSpec& model) {
  std::vector<std::int64_t> counts;
  std::int64_t next = 0;
  for (std::int64_t chunk = 0; chunk < plan.virtual_stages; ++chunk) {
    for (std::int64_t stage = 0; stage < plan.pipeline_parallel; ++stage) {
      const LayerRange range = layers_of(plan, model, stage, chunk);
      EXPECT_EQ(range.first, next);  // pieces follow one another without gap or overlap
      next = range.last;
      counts.push_back(range.last - range.first);
    }
  }
  EXPECT_EQ(next, model.layers);
  return counts;
}

ModelSpec model_with(std::int64_t layers) {
  ModelSpec model = small_dense_model();
  model.layers = layers;
  return model;
}

constexpr const char* kBatch = "global_batch: 64\nsequence_length: 128\n";

TEST(PlanBind, ReadsEveryKey) {
  Diagnostics diagnostics;
  const PlanSpec plan = read_plan(
      "tensor_parallel: 2\nsequence_parallel: false\npipeline_parallel: 4\nvirtual_stages: 3\nexpert_parallel: 8\n"
      "data_parallel: 16\nzero_stage: 0\nrecompute: selective\nmicro_batch: 2\nglobal_batch: 512\n"
      "sequence_length: 4096\nbalance_embedding: true\nuneven_stages: true\n"
      "precision: {compute: fp8, gradient: bf16, reduce: bf16, dispatch: fp8_block}\n"
      "overlap: {grad_reduce: false, param_gather: false, tensor: true, expert: true, pipeline: false}\n",
      diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  EXPECT_EQ(plan.ranks(), 2 * 4 * 16);
  EXPECT_EQ(plan.microbatches(), 16);
  EXPECT_FALSE(plan.sequence_parallel);
  EXPECT_EQ(plan.schedule, PipelineSchedule::kInterleaved);  // follows from virtual_stages
  EXPECT_EQ(plan.expert_parallel, 8);
  EXPECT_EQ(plan.zero_stage, 0);
  EXPECT_EQ(plan.recompute, Recompute::kSelective);
  EXPECT_EQ(plan.compute, Precision::kFp8);
  EXPECT_EQ(plan.gradient, Precision::kBf16);
  EXPECT_EQ(plan.reduce, Precision::kBf16);
  EXPECT_EQ(plan.dispatch, Precision::kFp8Block);
  EXPECT_TRUE(plan.balance_embedding && plan.uneven_stages);
  EXPECT_TRUE(plan.overlap.tensor && plan.overlap.expert);
  EXPECT_FALSE(plan.overlap.grad_reduce || plan.overlap.param_gather || plan.overlap.pipeline);
}

TEST(PlanBind, ReportsBadValuesAllAtOnce) {
  Diagnostics diagnostics;
  read_plan("tensor_paralel: 2\nrecompute: some\nzero_stage: 4\nsequence_length: 128\n", diagnostics);
  // Misspelt key, unknown choice, out of range, missing global_batch.
  EXPECT_EQ(diagnostics.error_count(), 4) << diagnostics.render();
  EXPECT_THAT(diagnostics.render(), HasSubstr("tensor_parallel"));
}

TEST(PlanBind, DocumentsItself) {
  std::vector<FieldDoc> docs;
  PlanSpec plan;
  SpecReader reader("plan", docs);
  bind(plan, reader);
  const auto documented = [&](const std::string& path) {
    return std::any_of(docs.begin(), docs.end(), [&](const FieldDoc& doc) { return doc.path == path; });
  };
  for (const char* key :
       {"plan.tensor_parallel", "plan.uneven_stages", "plan.precision.compute", "plan.overlap.expert"}) {
    EXPECT_TRUE(documented(key)) << key;
  }
}

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
  ModelSpec model = small_dense_model();
  model.attention.kind = AttentionKind::kGqa;
  model.attention.kv_heads = 2;
  EXPECT_THAT(problems(std::string("tensor_parallel: 4\n") + kBatch, model, 4),
              ElementsAre("kv_heads 2 is not divisible by tensor_parallel 4; 2 is"));
  // heads 8, kv_heads 2, hidden 256, vocab 512, ffn 1024 and sequence 128 are each no multiple of 3.
  EXPECT_EQ(problems(std::string("tensor_parallel: 3\n") + kBatch, model, 3).size(), 6u);
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
  EXPECT_THAT(problems("pipeline_parallel: 4\nvirtual_stages: 2\nglobal_batch: 6\nsequence_length: 128\n", model, 4),
              ElementsAre("global_batch 6 makes 6 micro-batches per replica, but the interleaved schedule needs a "
                          "multiple of pipeline_parallel 4; 4 and 8 are"));
  EXPECT_THAT(
      problems("pipeline_parallel: 4\nschedule: interleaved\nglobal_batch: 8\nsequence_length: 128\n", model, 4),
      ElementsAre("schedule interleaved needs virtual_stages of at least 2"));
  EXPECT_THAT(problems("pipeline_parallel: 4\nvirtual_stages: 2\nschedule: 1f1b\nglobal_batch: 8\n"
                       "sequence_length: 128\n",
                       model, 4),
              ElementsAre(HasSubstr("use interleaved")));
  EXPECT_THAT(problems("virtual_stages: 2\nglobal_batch: 8\nsequence_length: 128\n", model, 1),
              ElementsAre(HasSubstr("needs pipeline_parallel of at least 2")));
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
}

TEST(PlanCheck, MissingKeysDoNotCascade) {
  Diagnostics diagnostics;
  const ModelSpec model = small_dense_model();
  read_plan("tensor_parallel: 2\n", diagnostics, &model, 4);
  EXPECT_EQ(diagnostics.error_count(), 2) << diagnostics.render();  // global_batch and sequence_length
}

TEST(Layout, GroupsFollowMegatronsRankOrder) {
  PlanSpec plan = small_plan();
  plan.tensor_parallel = 2, plan.data_parallel = 4, plan.pipeline_parallel = 3, plan.expert_parallel = 4;
  // Stage 1 holds ranks 8 … 15; rank = t + 2·(d + 4·p).
  EXPECT_THAT(indices(group_members(plan, GroupKind::kTensor, 1)), ElementsAre(8, 9));
  EXPECT_THAT(indices(group_members(plan, GroupKind::kData, 1)), ElementsAre(8, 10, 12, 14));
  EXPECT_THAT(indices(group_members(plan, GroupKind::kExpert, 1)), ElementsAre(8, 9, 10, 11));
  EXPECT_THAT(indices(group_members(plan, GroupKind::kExpertData, 1)), ElementsAre(8, 12));
  EXPECT_THAT(indices(group_members(plan, GroupKind::kPipelineNext, 1)), ElementsAre(8, 16));
  EXPECT_THAT(indices(group_members(plan, GroupKind::kPipelineNext, 2)), ElementsAre(16, 0));
  EXPECT_THAT(indices(group_members(plan, GroupKind::kEmbedding, 0)), ElementsAre(0, 16));
}

TEST(Layout, EvenSplit) {
  PlanSpec plan = small_plan();
  plan.pipeline_parallel = 4, plan.virtual_stages = 2;
  EXPECT_EQ(layers_per_piece(plan, model_with(32)), std::vector<std::int64_t>(8, 4));
  EXPECT_EQ(layers_of(plan, model_with(32), 1, 1).first, 20);  // the 6th of 8 pieces
}

TEST(Layout, UnevenSplitIsLightAtTheEnds) {
  PlanSpec plan = small_plan();
  plan.uneven_stages = true;
  plan.pipeline_parallel = 16;
  // Llama 3 405B: 126 layers on 16 stages, the first and the last one short (arXiv 2407.21783, section 3.3.2).
  EXPECT_THAT(layers_per_piece(plan, model_with(126)), ElementsAre(7, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 7));
  EXPECT_THAT(layers_per_piece(plan, model_with(61)), ElementsAre(3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 3, 3));
  plan.balance_embedding = true;  // 63 units: 15 of 4 and the last of 3, less embedding and head
  EXPECT_THAT(layers_per_piece(plan, model_with(61)), ElementsAre(3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 2));
}

TEST(Layout, MtpModulesCountWhenBalanced) {
  PlanSpec plan = small_plan();
  plan.pipeline_parallel = 16, plan.balance_embedding = true;
  ModelSpec model = model_with(61);
  model.mtp_layers = 1;  // 64 units, 4 a stage: embedding on the first, head and MTP module on the last
  EXPECT_THAT(layers_per_piece(plan, model), ElementsAre(3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 2));
  plan.virtual_stages = 2;  // 2 a piece: the last holds head and MTP module only
  EXPECT_EQ(layers_per_piece(plan, model).back(), 0);
}

TEST(Layout, SplitsCoverTheModelWhateverTheNumbers) {
  for (std::int64_t stages : {1, 2, 3, 5, 8}) {
    for (std::int64_t chunks : {1, 2, 3}) {
      for (std::int64_t layers = stages * chunks; layers < 80; ++layers) {
        PlanSpec plan = small_plan();
        plan.pipeline_parallel = stages, plan.virtual_stages = chunks, plan.uneven_stages = true;
        const std::vector<std::int64_t> counts = layers_per_piece(plan, model_with(layers));
        const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
        EXPECT_LE(*most - *least, 1) << layers << " layers on " << stages << "x" << chunks;
        EXPECT_EQ(counts.back(), *least);
      }
    }
  }
}

}  // namespace
}  // namespace supernode
