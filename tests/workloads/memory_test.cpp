// Memory of one rank: exact bytes of a tiny model by hand, rules of sharding, properties, remedies.

#include "workloads/memory.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workloads/model_catalog_fixture.hpp"
#include "workloads/memory_activations.hpp"
#include "workloads/memory_states.hpp"

namespace supernode {
namespace {

using namespace literals;
using testing::HasSubstr;

ModelSpec tiny() {
  ModelSpec model;
  model.layers = 4;
  model.hidden = 8;
  model.vocab = 16;
  model.ffn = 16;
  model.attention.kind = AttentionKind::kGqa;
  model.attention.heads = 2;
  model.attention.kv_heads = 1;
  model.attention.head_dim = 4;
  return model;
}

ModelSpec tiny_moe() {
  ModelSpec model = tiny();
  model.moe.experts = 8;
  model.moe.topk = 2;
  model.moe.ffn = 4;
  return model;
}

PlanSpec plan_of(std::int64_t tp, std::int64_t pp, std::int64_t dp, std::int64_t sequence, std::int64_t microbatches) {
  PlanSpec plan;
  plan.tensor_parallel = tp;
  plan.pipeline_parallel = pp;
  plan.data_parallel = dp;
  plan.sequence_length = sequence;
  plan.global_batch = microbatches * dp;
  return plan;
}

// TP 2, PP 2, DP 2, four tokens, two of them on a rank between the tensor-parallel regions. A rank has of each layer
// 128/2 query and output, 64 key and value (one head, whole on both ranks), 384/2 MLP and 16 norm parameters = 336; two
// layers and half the table (64) make the first stage.
TEST(Memory, ModelStatesByHand) {
  const auto stages = estimate_stages(tiny(), plan_of(2, 2, 2, 4, 4));
  ASSERT_EQ(stages.size(), 2u);
  const double first = 2 * 336 + 64, last = 2 * 336 + 8 + 64;  // final norm and head
  EXPECT_EQ(stages[0].weights.value(), 2 * first);
  EXPECT_EQ(stages[0].gradients.value(), 4 * first);
  EXPECT_EQ(stages[0].optimizer.value(), 12 * first / 2);
  EXPECT_EQ(stages[1].weights.value(), 2 * last);
}

// A layer keeps, in bytes: attention 32 norm input + 32 norm output + 32 q + 32 k + 32 v + 32 output + 16 log-sum-exp;
// MLP 32 + 32 + 128 gate and up + 64 activation. Together 464.
TEST(Memory, ActivationsByHand) {
  const auto stages = estimate_stages(tiny(), plan_of(2, 2, 2, 4, 4));
  EXPECT_EQ(stages[0].microbatches_in_flight, 2);
  EXPECT_EQ(stages[0].activations.value(), 2 * 2 * 464);
  EXPECT_EQ(stages[1].microbatches_in_flight, 1);
  EXPECT_EQ(stages[1].activations.value(), 2 * 464 + 2 * 32);  // inputs of final norm and head
  // Gradients of gate, up and activation (192), gathered input and its gradient (128), and two boundary tensors (64).
  EXPECT_EQ(stages[0].buffers.value(), 192 + 128 + 64);
  EXPECT_EQ(logits_buffer(tiny(), plan_of(2, 2, 2, 4, 4)).value(), 4 * 8 * (2 + 4));
}

TEST(Memory, RecomputationKeepsLess) {
  PlanSpec plan = plan_of(2, 2, 2, 4, 4);
  plan.recompute = Recompute::kSelective;  // without both norm outputs and the activation
  EXPECT_EQ(layer_activations(tiny(), plan, {}).kept.value(), 464 - 32 - 32 - 64);
  plan.recompute = Recompute::kFull;  // only the layer's input
  EXPECT_EQ(layer_activations(tiny(), plan, {}).kept.value(), 32);
  EXPECT_EQ(layer_activations(tiny(), plan, {}).temporary.value(), 464 - 32 + 192 + 128);
}

// Korthikanti et al. (arXiv 2205.05198), equation 4: s·b·h·(10 + 24/t) without the attention scores and with sequence
// parallelism 34·s·b·h/t. Theirs has dropout masks (3 s·b·h) and no log-sum-exp; ours has none and 4 bytes a row.
TEST(Memory, LayerActivationsAgreeWithKorthikanti) {
  ModelSpec model = catalogue_model("gpt3-175b");
  const PlanSpec plan = plan_of(8, 1, 1, 2048, 1);
  const double sbh = 2048.0 * 12288, log_sum_exp = 4.0 * 2048 * 96;
  EXPECT_NEAR(layer_activations(model, plan, {}).kept.value(), ((34 - 2) * sbh + log_sum_exp) / 8, 1);
}

TEST(Memory, ExpertsAreShardedByExpertParallelismAlone) {
  PlanSpec plan = plan_of(2, 1, 4, 4, 1);
  plan.expert_parallel = 4;
  const RankWeights p = stage_weights(tiny_moe(), plan, 0);
  EXPECT_EQ(p.experts, 4 * 2 * 3 * 8 * 4);  // two of eight experts in each of four layers
  // Replicated over DP·TP/EP = 2 ranks, which share their optimizer state.
  MemoryParts memory;
  add_model_states(plan, p, memory);
  EXPECT_EQ(memory.optimizer.value(), 12 * (p.dense / 4 + p.experts / 2));
}

TEST(Memory, LowPrecisionKeepsTwoQuantisedCopiesOfTheMatrices) {
  PlanSpec plan = plan_of(1, 1, 1, 4, 1);
  const Bytes bf16 = estimate_stages(tiny(), plan)[0].weights;
  plan.compute = Precision::kFp8;
  const double matrices = 4 * (192 + 384);  // neither norms nor embedding nor head
  EXPECT_EQ((estimate_stages(tiny(), plan)[0].weights - bf16).value(), 2 * matrices);
}

TEST(Memory, TiedTableIsHeldTwiceOnlyWhenStagesAreApart) {
  ModelSpec model = tiny();
  model.tied_embeddings = true;
  const double table = 16 * 8;
  const double one = stage_weights(model, plan_of(1, 1, 1, 4, 1), 0).dense;
  const PlanSpec apart = plan_of(1, 2, 1, 4, 2);
  EXPECT_EQ(stage_weights(model, apart, 0).dense + stage_weights(model, apart, 1).dense, one + table);
}

TEST(Memory, LatentAttentionRecomputesItsUpProjections) {
  const ModelSpec model = catalogue_model("deepseek-v3");
  PlanSpec plan = plan_of(1, 1, 1, 4096, 1);
  const Bytes none = layer_activations(model, plan, {}).kept;
  plan.recompute = Recompute::kSelective;
  const Bytes selective = layer_activations(model, plan, {}).kept;
  const double qkv = 2.0 * 4096 * 128 * (192 + 192 + 128);
  const double norm_outputs = 2.0 * 4096 * (7168 + 7168 + 1536 + 512), activation = 2.0 * 4096 * 18432;
  EXPECT_EQ((none - selective).value(), qkv + norm_outputs + activation);
}

// arXiv 2412.19437, section 3.3.3: with kept activations in fp8 the attention output is kept once, in twelve bits; gate
// and up of the dense MLP in one byte instead of two.
TEST(Memory, NarrowActivationsKeepTheAttentionOutputOnceInTwelveBits) {
  const ModelSpec model = catalogue_model("deepseek-v3");
  PlanSpec plan = plan_of(1, 1, 1, 4096, 1);
  plan.compute = Precision::kFp8;
  const Bytes wide = layer_activations(model, plan, {}).kept;
  plan.activation = Precision::kFp8;
  const double output = 4096.0 * 128 * 128, inputs = 2 * 4096.0 * 18432;
  EXPECT_EQ((wide - layer_activations(model, plan, {}).kept).value(), (2 + 1 - 1.5) * output + inputs);
}

TEST(Memory, InterleavingHoldsMoreInFlight) {
  PlanSpec plan = plan_of(1, 2, 1, 4, 8);
  EXPECT_EQ(estimate_stages(tiny(), plan)[0].microbatches_in_flight, 2);
  plan.virtual_stages = 2;
  plan.schedule = PipelineSchedule::kInterleaved;
  // Stage 0 warms up with 2·(PP-1) + (VP-1)·PP = 4 chunks of one layer and runs one more before the first backward.
  const auto stages = estimate_stages(tiny(), plan);
  EXPECT_EQ(stages[0].activations, 5 * layer_activations(tiny(), plan, {}).kept);
  EXPECT_EQ(stages[0].microbatches_in_flight, 3);
}

TEST(Memory, MoreMicroBatchesThanStagesChangeNothing) {
  const Bytes few = estimate_stages(tiny(), plan_of(1, 4, 1, 4, 4))[0].activations;
  EXPECT_EQ(estimate_stages(tiny(), plan_of(1, 4, 1, 4, 64))[0].activations, few);
  EXPECT_LT(estimate_stages(tiny(), plan_of(1, 4, 1, 4, 1))[0].activations, few);
}

// Properties over a grid of plans of two large models.
struct Grid {
  const char* model;
  std::int64_t tp, pp, dp, ep;
};

class MemoryProperty : public testing::TestWithParam<Grid> {
 protected:
  ModelSpec model_ = catalogue_model(GetParam().model);
  PlanSpec plan_ = [] {
    PlanSpec plan = plan_of(GetParam().tp, GetParam().pp, GetParam().dp, 4096, 16);
    plan.expert_parallel = GetParam().ep;
    plan.uneven_stages = true;
    return plan;
  }();
};

TEST_P(MemoryProperty, MoreTensorParallelismNeverNeedsMoreWeightsOrActivations) {
  PlanSpec wider = plan_;
  wider.tensor_parallel *= 2;
  const auto before = estimate_stages(model_, plan_), after = estimate_stages(model_, wider);
  for (std::size_t s = 0; s < before.size(); ++s) {
    EXPECT_LE(after[s].weights, before[s].weights);
    EXPECT_LT(after[s].activations, before[s].activations);
  }
}

TEST_P(MemoryProperty, RecomputationNeverKeepsMore) {
  Bytes before(1e30);
  for (Recompute recompute : {Recompute::kNone, Recompute::kSelective, Recompute::kFull}) {
    plan_.recompute = recompute;
    const Bytes now = estimate_stages(model_, plan_)[0].activations;
    EXPECT_LT(now, before);
    before = now;
  }
}

TEST_P(MemoryProperty, ZeroOneShardsTheOptimizer) {
  plan_.zero_stage = 0;
  const auto whole = estimate_stages(model_, plan_);
  plan_.zero_stage = 1;
  const auto sharded = estimate_stages(model_, plan_);
  for (std::size_t s = 0; s < whole.size(); ++s) {
    EXPECT_LE(sharded[s].optimizer, whole[s].optimizer);
    EXPECT_EQ(sharded[s].weights, whole[s].weights);
  }
}

// Under ZeRO-1 the gradients are whole (G); ZeRO-2 keeps G/shards, and two of the stage's layers whole: G·2/layers. The
// optimizer, 12 bytes a parameter to the gradient's 4 or 2, is sharded alike in both.
TEST_P(MemoryProperty, ZeroTwoShardsGradientsToo) {
  plan_.zero_stage = 1;
  const auto whole = estimate_stages(model_, plan_);
  plan_.zero_stage = 2;
  const auto sharded = estimate_stages(model_, plan_);
  for (std::size_t s = 0; s < whole.size(); ++s) {
    std::int64_t layers = 0;
    for (std::int64_t chunk = 0; chunk < plan_.virtual_stages; ++chunk) {
      const LayerRange range = layers_of(plan_, model_, static_cast<std::int64_t>(s), chunk);
      layers += range.last - range.first;
    }
    const Bytes shards = whole[s].optimizer * (bytes_per_element(plan_.gradient).value() / 12);
    const Bytes two_layers = whole[s].gradients * std::min(1.0, 2.0 / static_cast<double>(layers));
    EXPECT_NEAR(sharded[s].gradients.value(), (shards + two_layers).value(), 1);
    EXPECT_EQ(sharded[s].optimizer, whole[s].optimizer);
  }
}

TEST_P(MemoryProperty, ActivationsGrowWithMicroBatchAndSequence) {
  const Bytes one = estimate_stages(model_, plan_)[0].activations;
  PlanSpec larger = plan_;
  larger.micro_batch = 2;
  larger.global_batch *= 2;
  EXPECT_NEAR(estimate_stages(model_, larger)[0].activations / one, 2.0, 1e-9);
  larger = plan_;
  larger.sequence_length *= 2;  // flash attention: linear, not quadratic
  EXPECT_NEAR(estimate_stages(model_, larger)[0].activations / one, 2.0, 1e-9);
}

TEST_P(MemoryProperty, StagesTogetherHoldTheModel) {
  double parameters = 0;
  for (std::int64_t stage = 0; stage < plan_.pipeline_parallel; ++stage) {
    const RankWeights p = stage_weights(model_, plan_, stage);
    parameters +=
        p.dense * static_cast<double>(plan_.tensor_parallel) + p.experts * static_cast<double>(plan_.expert_parallel);
  }
  // Replicated parts (norms, routers, MLA's down-projections, a second table for MTP) make it somewhat more.
  const double total = count_parameters(model_).total_with_mtp();
  EXPECT_GE(parameters, total * (1 - 1e-12));
  EXPECT_LE(parameters, total * 1.01);
}

INSTANTIATE_TEST_SUITE_P(All, MemoryProperty,
                         testing::Values(Grid{"llama-3.1-70b", 1, 1, 8, 1}, Grid{"llama-3.1-70b", 2, 4, 8, 1},
                                         Grid{"llama-3.1-70b", 4, 8, 2, 1}, Grid{"deepseek-v3", 1, 8, 64, 64},
                                         Grid{"deepseek-v3", 2, 16, 32, 32}, Grid{"qwen3-235b-a22b", 4, 4, 16, 16}),
                         [](const auto& info) {
                           return test_name(info.param.model) + "_tp" + std::to_string(info.param.tp) + "_pp" +
                                  std::to_string(info.param.pp);
                         });

// A remedy's text put back into the plan, as a user would.
PlanSpec apply(PlanSpec plan, const std::string& remedy) {
  Diagnostics diagnostics;
  const std::string changes = "{" + remedy.substr(0, remedy.find(" (peak")) + "}";
  const auto file = std::make_shared<const SourceFile>(SourceFile{"remedy.yaml", changes});
  const YamlNode node = parse_yaml(file, diagnostics);
  SpecReader reader(node, "plan", diagnostics);
  const PlanSpec before = plan;
  bind(plan, reader);  // batch and sequence are required, so it complains of those alone
  plan.schedule = before.schedule;
  for (const auto& diagnostic : diagnostics.all()) EXPECT_THAT(diagnostic.message, HasSubstr("missing")) << remedy;
  return plan;
}

void expect_remedies_hold(const ModelSpec& model, const PlanSpec& plan, Bytes capacity) {
  const MemoryReport report = estimate_memory(model, plan, capacity);
  ASSERT_FALSE(report.fits);
  ASSERT_FALSE(report.remedies.empty());
  for (const std::string& remedy : report.remedies) {
    const PlanSpec changed = apply(plan, remedy);
    EXPECT_EQ(changed.ranks(), plan.ranks()) << remedy;
    const Bytes peak = peak_memory(estimate_stages(model, changed));
    EXPECT_LE(peak, capacity) << remedy;
    EXPECT_THAT(remedy, HasSubstr(fmt::format("(peak {:.1f} GiB of {:.1f})", peak / 1_GiB, capacity / 1_GiB)));
  }
}

TEST(MemoryRemedies, EachFitsWhenAppliedAlone) {
  PlanSpec plan = plan_of(1, 1, 8, 8192, 16);
  plan.zero_stage = 0;
  plan.micro_batch = 2;
  plan.global_batch *= 2;
  expect_remedies_hold(catalogue_model("llama-3.1-8b"), plan, 150_GiB);
}

TEST(MemoryRemedies, ComeInSeriesWhenNoneFitsAlone) {
  const ModelSpec model = catalogue_model("llama-3.1-8b");
  PlanSpec plan = plan_of(1, 1, 8, 8192, 16);
  plan.zero_stage = 0;
  expect_remedies_hold(model, plan, 22_GiB);
  const MemoryReport report = estimate_memory(model, plan, 22_GiB);
  ASSERT_EQ(report.remedies.size(), 1u);
  EXPECT_THAT(report.remedies[0], HasSubstr(", "));
}

TEST(MemoryRemedies, OfferExpertParallelismForExperts) {
  PlanSpec plan = plan_of(1, 4, 32, 4096, 16);
  plan.recompute = Recompute::kFull;
  plan.uneven_stages = true;
  plan.expert_parallel = 4;
  const ModelSpec model = catalogue_model("qwen3-235b-a22b");
  expect_remedies_hold(model, plan, 64_GiB);
  const auto remedies = estimate_memory(model, plan, 64_GiB).remedies;
  EXPECT_THAT(remedies, testing::Contains(HasSubstr("expert_parallel")));
}

TEST(MemoryRemedies, AreEmptyWhenItFitsOrNothingHelps) {
  const ModelSpec model = catalogue_model("llama-3.1-405b");
  PlanSpec plan = plan_of(1, 1, 1, 8192, 1);
  const MemoryReport hopeless = estimate_memory(model, plan, 64_GiB);
  EXPECT_FALSE(hopeless.fits);
  EXPECT_TRUE(hopeless.remedies.empty());
  const MemoryReport roomy = estimate_memory(catalogue_model("llama-3.1-8b"), plan, 512_GiB);
  EXPECT_TRUE(roomy.fits);
  EXPECT_TRUE(roomy.remedies.empty());
}

TEST(MemoryReport, NamesTheStageThatNeedsMost) {
  const MemoryReport report = estimate_memory(catalogue_model("llama-3.1-70b"), plan_of(4, 8, 2, 4096, 16), 80_GiB);
  EXPECT_EQ(report.stages[static_cast<std::size_t>(report.peak_stage)].total(), peak_memory(report.stages));
  EXPECT_EQ(report.peak_stage, 0);  // most micro-batches in flight
}

}  // namespace
}  // namespace supernode
