// What each field of a plan does to memory, by hand or by its rule.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workloads/plan_fixture.hpp"
#include "workloads/memory.hpp"
#include "workloads/memory_activations.hpp"
#include "workloads/memory_states.hpp"
#include "workloads/memory_walk.hpp"

namespace supernode {
namespace {

PlanSpec plan_of(std::int64_t pipeline, std::int64_t data, std::int64_t microbatches) {
  PlanSpec plan = small_plan();
  plan.pipeline_parallel = pipeline;
  plan.data_parallel = data;
  plan.global_batch = microbatches * data;
  return plan;
}

StageMemory first_stage(const PlanSpec& plan, const ModelSpec& model = small_dense_model()) {
  return estimate_stages(model, plan).front();
}

// 64 tokens, hidden 256, ffn 1024, 8 heads of 32, bf16.
constexpr double kRow = 2.0 * 64 * 256, kWide = 2.0 * 64 * 1024;

TEST(MemoryPlan, ContextParallelRanksKeepTheirTokensOnly) {
  PlanSpec plan = plan_of(1, 4, 2);
  const Bytes whole = first_stage(plan).activations;
  plan.context_parallel = 4;
  EXPECT_EQ(first_stage(plan).activations, whole / 4);
}

// Scores: the softmax output in two bytes instead of a log-sum-exp of 4 bytes a head and token.
TEST(MemoryPlan, ScoresStayWithoutFlashAttention) {
  PlanSpec plan = plan_of(1, 1, 1);
  const Bytes flash = layer_activations(small_dense_model(), plan, {}).kept;
  plan.flash_attention = false;
  const Bytes scores = layer_activations(small_dense_model(), plan, {}).kept - flash;
  EXPECT_EQ(scores.value(), 2.0 * 8 * 64 * 64 - 4.0 * 8 * 64);
  plan.recompute = Recompute::kSelective;  // which makes the core again
  const double norms = 2 * kRow, activation = kWide;
  EXPECT_EQ(layer_activations(small_dense_model(), plan, {}).kept.value(),
            flash.value() - norms - activation - 4 * 8 * 64);
}

TEST(MemoryPlan, ModulesNameWhatIsMadeAgain) {
  PlanSpec plan = plan_of(1, 1, 1);
  const Bytes none = layer_activations(small_dense_model(), plan, {}).kept;
  plan.recompute = Recompute::kSelective;
  plan.recomputed.modules = {RecomputeModule::kActivation};
  EXPECT_EQ((none - layer_activations(small_dense_model(), plan, {}).kept).value(), kWide);
  plan.recomputed.modules = {RecomputeModule::kMlp};  // gate, up and product
  EXPECT_EQ((none - layer_activations(small_dense_model(), plan, {}).kept).value(), 3 * kWide);
}

// Of 4 layers one is recomputed (block), or pairs share a checkpoint (group).
TEST(MemoryPlan, BlocksAndGroupsOfFullRecomputation) {
  PlanSpec plan = plan_of(1, 1, 1);
  const Bytes layer = layer_activations(small_dense_model(), plan, {}).kept, head = 2 * Bytes(kRow);
  EXPECT_EQ(first_stage(plan).activations, 4 * layer + head);
  plan.recompute = Recompute::kFull;
  EXPECT_EQ(first_stage(plan).activations, 4 * Bytes(kRow) + head);
  plan.recomputed.block = 1;
  EXPECT_EQ(first_stage(plan).activations, 3 * layer + Bytes(kRow) + head);
  plan.recomputed = {};
  const Bytes working = first_stage(plan).at(MemoryMoment::kBackward).buffers;
  plan.recomputed.group = 2;
  EXPECT_EQ(first_stage(plan).activations, 2 * Bytes(kRow) + head);
  EXPECT_EQ(first_stage(plan).at(MemoryMoment::kBackward).buffers - working, layer);
}

// Half of 4 layers' tensors leave, but for those of two layers on their way.
TEST(MemoryPlan, OffloadedActivationsLeaveTwoLayers) {
  PlanSpec plan = plan_of(2, 1, 4);
  const StageMemory here = first_stage(plan);
  plan.offload.activations = 0.5;
  const StageMemory away = first_stage(plan);
  EXPECT_EQ(away.at(MemoryMoment::kForward).activations, here.at(MemoryMoment::kForward).activations / 2);
  plan.offload = {};
  plan.offload.optimizer = 0.75;
  EXPECT_EQ(first_stage(plan).optimizer, here.optimizer / 4);
}

// ZeRO-3 over 8: an eighth of the weights and gradients, two whole layers of the four and both tables while at work.
TEST(MemoryPlan, ShardedParametersAreGatheredTwoLayersAtATime) {
  const ModelSpec model = small_dense_model();
  PlanSpec plan = plan_of(1, 8, 1);
  plan.zero_stage = 3;
  const StageMemory memory = first_stage(plan);
  const double all = stage_weights(model, plan, 0).dense, layer = layer_weights(model, plan, {}).dense;
  const double ends = embedding_weights(model, plan).dense + head_weights(model, plan).dense;
  EXPECT_EQ(memory.at(MemoryMoment::kIdle).weights.value(), 2 * all / 8);
  EXPECT_EQ(memory.at(MemoryMoment::kBackward).weights.value(), 2 * all / 8 + 2 * (2 * layer + ends));
  plan.reshard_after_forward = false;
  EXPECT_EQ(first_stage(plan).at(MemoryMoment::kBackward).weights.value(), 2 * all / 8 + 2 * all);
  plan.stack = TrainingStack::kFsdp;  // the shard is the master weight
  EXPECT_EQ(first_stage(plan).at(MemoryMoment::kIdle).weights.value(), 0);
  plan.shard_group = 2;
  EXPECT_EQ(first_stage(plan).at(MemoryMoment::kIdle).optimizer.value(), 12 * all / 2);
}

TEST(MemoryPlan, NarrowPrimaryWeightsHaveNoWiderCopy) {
  PlanSpec plan = plan_of(1, 1, 1);
  plan.compute = Precision::kFp8;
  const RankWeights held = stage_weights(small_dense_model(), plan, 0);
  const Bytes wide = first_stage(plan).weights;
  plan.gather = Precision::kFp8;
  EXPECT_EQ((wide - first_stage(plan).weights).value(), 2 * held.matrices);
}

TEST(MemoryPlan, NarrowWeightsMayBeGatheredWide) {
  PlanSpec plan = plan_of(1, 1, 1);
  plan.compute = Precision::kMxfp8;
  const RankWeights held = stage_weights(small_dense_model(), plan, 0);
  const Bytes wide = first_stage(plan).weights;
  plan.narrow_weights = true;
  EXPECT_EQ((wide - first_stage(plan).weights).value(), 2 * held.matrices);
}

// 2 bytes of lower half and 8 of moments over four ranks, instead of 4 + 8.
TEST(MemoryPlan, SplitMasterKeepsItsLowerHalfAlone) {
  PlanSpec plan = plan_of(1, 4, 1);
  const double all = stage_weights(small_dense_model(), plan, 0).dense;
  EXPECT_EQ(first_stage(plan).optimizer.value(), 12 * all / 4);
  plan.optimizer.split_master = true;
  EXPECT_EQ(first_stage(plan).optimizer.value(), 10 * all / 4);
  EXPECT_EQ(first_stage(plan).weights.value(), 2 * all);
}

// A run's first passes run without moments (8 bytes a parameter over the shards), its first update with them.
TEST(MemoryPlan, FirstStepRunsBeforeTheMomentsExist) {
  PlanSpec plan = plan_of(1, 1, 1);
  plan.micro_batch = 64;
  plan.global_batch = 64;
  const StageMemory large = first_stage(plan);
  const Bytes moments(8 * stage_weights(small_dense_model(), plan, 0).dense);
  EXPECT_EQ(large.moments, moments);
  ASSERT_NE(large.peak, MemoryMoment::kOptimizer);
  EXPECT_EQ(large.first_step_allocated(),
            max(large.peak_allocated() - moments, large.at(MemoryMoment::kOptimizer).allocated()));
  plan.offload.optimizer = 1;
  EXPECT_EQ(first_stage(plan).moments, Bytes());
}

// Beside Megatron's tensors: queries and keys before their rotation, 64 instead of 4 bytes a row of softmax; and in the
// update an fp32 copy of the largest tensor.
TEST(MemoryPlan, MindSpeedHoldsItsTensors) {
  PlanSpec plan = plan_of(1, 1, 1);
  const ModelSpec model = small_dense_model();
  const Bytes plain = layer_activations(model, plan, {}).kept,
              update = first_stage(plan).at(MemoryMoment::kOptimizer).buffers;
  plan.stack = TrainingStack::kMindSpeed;
  const double heads = static_cast<double>(model.attention.heads);
  EXPECT_EQ((layer_activations(model, plan, {}).kept - plain).value(), 2 * kRow + 60 * 64 * heads);
  const double table = static_cast<double>(model.vocab * model.hidden),
               mlp = 2.0 * static_cast<double>(model.ffn * model.hidden);
  EXPECT_EQ((first_stage(plan).at(MemoryMoment::kOptimizer).buffers - update).value(), 4 * std::max(table, mlp));
}

// Residual stream, norm outputs and their like lie on all ranks of a two-dimensional split, as under sequence
// parallelism.
TEST(MemoryPlan, TwoDimensionalSplitCutsTheResidualStream) {
  PlanSpec plan = plan_of(1, 1, 1);
  plan.tensor_parallel = 4;
  plan.sequence_parallel = false;
  const Bytes whole = layer_activations(small_dense_model(), plan, {}).kept;
  plan.tensor_y = 2;
  EXPECT_EQ((whole - layer_activations(small_dense_model(), plan, {}).kept).value(), 4 * kRow * 3 / 4);
}

TEST(MemoryPlan, AdaptersAloneHaveGradientsAndStates) {
  PlanSpec plan = plan_of(1, 1, 1);
  const StageMemory full = first_stage(plan);
  plan.lora.rank = 8;
  const StageMemory lora = first_stage(plan);
  const RankWeights held = stage_weights(small_dense_model(), plan, 0);
  EXPECT_EQ(lora.gradients.value(), 4 * held.trained.total());
  EXPECT_LT(lora.gradients, full.gradients / 10);
  EXPECT_LT(lora.optimizer, full.optimizer / 10);
}

TEST(MemoryPlan, FusedLossKeepsNoWideLogits) {
  PlanSpec plan = plan_of(1, 1, 1);
  const double logits = 64.0 * 512;
  EXPECT_EQ(logits_buffer(small_dense_model(), plan).value(), logits * 6);
  plan.fused_loss = true;
  EXPECT_EQ(logits_buffer(small_dense_model(), plan).value(), logits * 2);
}

// A capacity of 1.5 with padding: 1.5 times the rows of balanced routing, each of dispatched token 2·h + 4, gate, up
// and product 2·3·ffn.
TEST(MemoryPlan, PaddedExpertsKeepTheirCapacity) {
  const LayerForm moe{.moe = true, .windowed = false, .sparse = false, .indexes = false, .hash_routed = false};
  PlanSpec plan = plan_of(1, 1, 1);
  const Bytes balanced = layer_activations(small_moe_model(), plan, moe).kept;
  const double rows = 64.0 * 4, row = 2 * 256 + 4 + 6 * 128;
  plan.routing.capacity_factor = 1.5;
  EXPECT_EQ(layer_activations(small_moe_model(), plan, moe).kept, balanced);
  plan.routing.pad_to_capacity = true;
  EXPECT_EQ((layer_activations(small_moe_model(), plan, moe).kept - balanced).value(), 0.5 * rows * row);
  plan.routing = {};
  plan.routing.imbalance = 2;
  EXPECT_EQ((layer_activations(small_moe_model(), plan, moe).kept - balanced).value(), rows * row);
}

// Between the halves of a backward pass: inputs of the four products (hidden twice, attention output, activation) and
// gradients of their outputs (query, key, value, two of hidden, gate, up).
TEST(MemoryPlan, SplitBackwardPassKeepsWhatTheWeightsNeed) {
  const LayerActivations layer = layer_activations(small_dense_model(), plan_of(1, 1, 1), {});
  EXPECT_EQ(layer.deferred.value(), (3 * kRow + kWide) + (5 * kRow + 2 * kWide));
}

// Forward 10 + 10, then a split backward pass: the first half leaves 6 of 10, the second nothing.
TEST(MemoryWalk, SplitPassesReleaseInTwoSteps) {
  using enum PassKind;
  const std::vector<ChunkMemory> chunks = {
      {.kept = Bytes(10), .temporary = Bytes(3), .deferred = Bytes(6), .logits = Bytes(0), .layers = 1}};
  const auto slot = [](PassKind kind, std::int64_t microbatch) {
    return Slot{.kind = kind, .microbatch = microbatch, .chunk = 0, .with_next = false};
  };
  const StageWalk walk = walk_stage({slot(kForward, 0), slot(kBackwardInput, 0), slot(kForward, 1),
                                     slot(kBackwardInput, 1), slot(kBackwardWeight, 0), slot(kBackwardWeight, 1)},
                                    chunks);
  EXPECT_EQ(walk.forward->activations.value(), 16);  // 6 deferred and 10 new
  EXPECT_EQ(walk.backward->buffers.value(), 3);
  EXPECT_EQ(walk.passes, 2);
}

// GPipe holds all micro-batches and their logits; DualPipe two copies of the layers.
TEST(MemoryPlan, SchedulesHoldWhatTheyHaveInFlight) {
  PlanSpec plan = plan_of(2, 1, 16);
  plan.schedule = PipelineSchedule::kGPipe;
  EXPECT_EQ(first_stage(plan).microbatches_in_flight, 16);
  plan.schedule = PipelineSchedule::kOneForwardOneBackward;
  const StageMemory single = first_stage(plan);
  plan.schedule = PipelineSchedule::kDualPipe;
  plan.virtual_stages = 2;
  EXPECT_GT(first_stage(plan).weights, 1.5 * single.weights);
}

// nanotron: whole bf16 gradients behind a backward pass, data-parallel buckets, flat copies in the update.
TEST(MemoryPlan, NanotronHoldsItsCopies) {
  PlanSpec plan = plan_of(1, 4, 2);
  const StageMemory plain = first_stage(plan);
  plan.stack = TrainingStack::kNanotron;
  const StageMemory memory = first_stage(plan);
  const double count = stage_weights(small_dense_model(), plan, 0).dense;
  EXPECT_EQ((memory.at(MemoryMoment::kIdle).gradients - plain.gradients).value(), 2 * count);
  EXPECT_EQ((memory.at(MemoryMoment::kOptimizer).buffers).value(), 2 * count * 1.25);
  EXPECT_EQ((memory.at(MemoryMoment::kReduce).gradients - plain.gradients).value(), 4 * count);
}

TEST(MemoryPlan, TimelineRunsThroughTheStepAndHoldsThePeak) {
  const StageMemory memory = first_stage(plan_of(1, 2, 2));
  std::vector<MemoryMoment> moments;
  Bytes most{};
  for (const MomentMemory& entry : memory.timeline) {
    moments.push_back(entry.moment);
    most = max(most, entry.parts.total());
  }
  using enum MemoryMoment;
  EXPECT_THAT(moments, testing::ElementsAre(kIdle, kForward, kLoss, kBackward, kReduce, kOptimizer));
  EXPECT_EQ(most, memory.total());
  EXPECT_EQ(memory.at(memory.peak).total(), memory.total());
}

}  // namespace
}  // namespace supernode
