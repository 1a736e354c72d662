// Reading a plan and laying it out over ranks and layers.

#include <gmock/gmock.h>

#include <numeric>

#include "plan_fixture.hpp"
#include "workloads/rank_layout.hpp"

namespace supernode {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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

// 50257 words on 8 ranks: 50264 = 8·6283.
TEST(Layout, VocabularyIsPaddedToTheRanks) {
  PlanSpec plan = small_plan();
  ModelSpec model = small_dense_model();
  model.vocab = 50257;
  EXPECT_EQ(padded_vocab(model, plan), 50257);
  plan.tensor_parallel = 8;
  EXPECT_EQ(padded_vocab(model, plan), 50264);
  model.vocab = 50264;
  EXPECT_EQ(padded_vocab(model, plan), 50264);
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
