// Sharded states (ZeRO-2 and 3, FSDP, HSDP), number formats of what replicas exchange, offloading, adapters: bytes of a
// step by hand.

#include <gmock/gmock.h>

#include "plan_fixture.hpp"
#include "step_walk.hpp"
#include "workloads/memory_activations.hpp"
#include "workloads/optimizer_states.hpp"

namespace supernode {
namespace {

using ::testing::ElementsAre;

// Of the small dense model: attention 4·256², MLP 3·256·1024, two norms; table; head with its norm.
constexpr double kLayer = 262144 + 786432 + 512, kTable = 512 * 256, kHead = kTable + 256;
constexpr double kAll = 4 * kLayer + kTable + kHead;
constexpr double kMicrobatches = 4;

PlanSpec sharded_plan(std::int64_t zero, std::int64_t replicas = 8) {
  PlanSpec plan = small_plan();
  plan.zero_stage = zero;
  plan.data_parallel = replicas;
  plan.global_batch = 4 * replicas;
  return plan;
}

StepProgram dense_step(const PlanSpec& plan) {
  StepProgram program = build_step_program(small_dense_model(), plan);
  for (const StageProgram& stage : program.stages) expect_matched_events(stage, program.microbatches);
  return program;
}

const VectorKernel& update_of(const StepProgram& program) {
  for (const Op& op : program.stages[0].epilogue) {
    if (op.compute_class == ComputeClass::kOptimizer) return std::get<VectorKernel>(op.kernel);
  }
  throw std::logic_error("no update");
}

const Op& first_named(const StepProgram& program, const std::string& name) {
  for (const Op* op : executed(program.stages[0], program.microbatches)) {
    if (op->name == name) return *op;
  }
  throw std::logic_error("no " + name);
}

TEST(ShardedStep, BytesOfTheZeroStages) {
  // bf16 parameters gathered once a step from ZeRO-1 on; fp32 gradients reduced once, from ZeRO-2 on each time.
  for (std::int64_t zero : {0, 1, 2}) {
    const StepProgram program = dense_step(sharded_plan(zero));
    EXPECT_EQ(step_bytes(program, "param.gather"), zero == 0 ? 0 : 2 * kAll) << zero;
    EXPECT_EQ(step_bytes(program, "grad.reduce"), (zero == 2 ? kMicrobatches : 1) * 4 * kAll) << zero;
  }
}

TEST(ShardedStep, ZeroThreeGathersForEveryPass) {
  // All units forward; backward the layers again, embedding and head being kept.
  PlanSpec plan = sharded_plan(3);
  StepProgram program = dense_step(plan);
  EXPECT_EQ(step_bytes(program, "param.gather"), kMicrobatches * 2 * (kAll + 4 * kLayer));
  EXPECT_EQ(step_bytes(program, "grad.reduce"), kMicrobatches * 4 * kAll);
  EXPECT_TRUE(program.stages[0].prologue.empty());
  EXPECT_EQ(update_of(program).read.value(), 16 * kAll / 8);
  plan.reshard_after_forward = false;
  EXPECT_EQ(step_bytes(dense_step(plan), "param.gather"), kMicrobatches * 2 * kAll);
  plan.overlap.param_gather = plan.overlap.grad_reduce = false;
  program = dense_step(plan);
  EXPECT_EQ(step_bytes(program, "param.gather"), kMicrobatches * 2 * kAll);
  EXPECT_EQ(first_named(program, "param.gather").kind, Op::Kind::kComm);
  EXPECT_EQ(step_bytes(program, "grad.reduce"), kMicrobatches * 4 * kAll);
}

TEST(ShardedStep, GathersRunOneUnitAhead) {
  const StepProgram program = dense_step(sharded_plan(3));
  std::vector<std::string> starts;
  for (const Op& op : program.stages[0].chunks[0].inner(PassKind::kForward).ops) {
    if (starts.size() == 7) break;
    starts.push_back((op.kind == Op::Kind::kCommAsync ? "~" : op.kind == Op::Kind::kWait ? "!" : "") + op.name);
  }
  EXPECT_THAT(starts, ElementsAre("~param.gather", "!param.gather", "~param.gather", "embedding", "!param.gather",
                                  "~param.gather", "attn.norm"));
}

// Kept parameters are there for the next micro-batch when one is always in flight: 1F1B's first stage of two runs
// forward 0, 1, then backward 0, forward 2, backward 1, …; its last stage has none in flight behind each backward pass.
TEST(ShardedStep, KeptParametersAreGatheredWhenNothingIsInFlight) {
  PlanSpec plan = sharded_plan(3);
  plan.reshard_after_forward = false;
  plan.pipeline_parallel = 2;
  const StepProgram program = dense_step(plan);
  EXPECT_EQ(step_bytes(program, "param.gather", 0), 2 * (2 * kLayer + kTable));
  EXPECT_EQ(step_bytes(program, "param.gather", 1), kMicrobatches * 2 * (2 * kLayer + kHead));
}

TEST(ShardedStep, HybridShardingSumsShardsOverReplicas) {
  PlanSpec plan = sharded_plan(3);
  plan.shard_group = 4;
  StepProgram program = dense_step(plan);
  EXPECT_EQ(first_named(program, "param.gather").group, GroupKind::kDataShard);
  EXPECT_EQ(first_named(program, "grad.reduce").group, GroupKind::kDataShard);
  const Op& sum = first_named(program, "grad.reduce.replicas");
  EXPECT_EQ(sum.group, GroupKind::kDataReplica);
  EXPECT_EQ(sum.call.op, CollectiveOp::kAllReduce);
  EXPECT_EQ(step_bytes(program, "grad.reduce"), kMicrobatches * 4 * kAll);
  EXPECT_EQ(step_bytes(program, "grad.reduce.replicas"), kMicrobatches * 4 * kAll / 4);
  EXPECT_EQ(update_of(program).read.value(), 16 * kAll / 4);
  plan.zero_stage = 1;  // Megatron's several instances of the distributed optimizer
  program = dense_step(plan);
  EXPECT_EQ(step_bytes(program, "param.gather"), 2 * kAll);
  EXPECT_EQ(step_bytes(program, "grad.reduce"), 4 * kAll);
  EXPECT_EQ(step_bytes(program, "grad.reduce.replicas"), 4 * kAll / 4);
}

TEST(ShardedStep, ExpertsHaveShardGroupsOfTheirOwn) {
  PlanSpec plan = sharded_plan(2, 16);
  plan.expert_parallel = 4;  // experts on 4 replicas
  plan.shard_group = 2;
  const StepProgram program = build_step_program(small_moe_model(), plan);
  const double experts = 3 * 16 / 4 * 3 * 256 * 128;  // of 3 layers
  EXPECT_EQ(step_bytes(program, "grad.reduce.experts"), kMicrobatches * 4 * experts);
  EXPECT_EQ(step_bytes(program, "grad.reduce.experts.replicas"), kMicrobatches * 4 * experts / 2);
  EXPECT_EQ(first_named(program, "grad.reduce.experts").group, GroupKind::kExpertShard);
  EXPECT_EQ(first_named(program, "grad.reduce.experts.replicas").group, GroupKind::kExpertReplica);
}

TEST(ShardedStep, ContextRanksReduceGradientsToo) {
  PlanSpec plan = sharded_plan(1, 4);
  plan.context_parallel = 2;
  const StepProgram program = dense_step(plan);
  EXPECT_EQ(step_bytes(program, "grad.reduce"), 4 * kAll);
  EXPECT_EQ(update_of(program).read.value(), 16 * kAll / 8);
}

TEST(ShardedStep, QuantisedGathersCastTheMatricesFirst) {
  PlanSpec plan = sharded_plan(1);
  plan.gather = Precision::kFp8;
  const StepProgram program = dense_step(plan);
  const double matrices = 4 * (262144 + 786432);
  EXPECT_EQ(step_bytes(program, "param.gather"), matrices + 2 * (kAll - matrices));
  double read = 0, written = 0;
  for (const Op& op : program.stages[0].prologue) {
    if (op.kind != Op::Kind::kCompute) continue;
    read += std::get<VectorKernel>(op.kernel).read.value(),
        written += std::get<VectorKernel>(op.kernel).written.value();
  }
  EXPECT_EQ(read, 2 * matrices / 8);
  EXPECT_EQ(written, matrices / 8);
}

TEST(ShardedStep, WeightsHeldInFp32AreTheirOwnMaster) {
  PlanSpec plan = sharded_plan(3);
  plan.parameter = Precision::kFp32;
  const StepProgram program = dense_step(plan);
  EXPECT_EQ(step_bytes(program, "param.gather"), kMicrobatches * 2 * (kAll + 4 * kLayer));  // bf16 on the wire
  const auto& cast = std::get<VectorKernel>(first_named(program, "param.cast").kernel);
  EXPECT_EQ(cast.read.value(), 4 * kTable / 8);  // the embedding's shard is the first
  EXPECT_EQ(cast.written.value(), 2 * kTable / 8);
  EXPECT_EQ(update_of(program).read.value(), (4 + 4 + 8) * kAll / 8);
  EXPECT_EQ(update_of(program).written.value(), (4 + 8) * kAll / 8);
  EXPECT_EQ(optimizer_bytes(plan, {.dense = 80}).value(), 8.0 * 80 / 8);
}

TEST(ShardedStep, NarrowStates) {
  PlanSpec plan = sharded_plan(1);
  plan.gradient = plan.reduce = plan.optimizer.master = plan.optimizer.moment = Precision::kBf16;
  StepProgram program = dense_step(plan);
  EXPECT_EQ(update_of(program).read.value(), (2 + 2 + 4) * kAll / 8);  // gradient, weight, moments
  EXPECT_EQ(update_of(program).written.value(), (2 + 4) * kAll / 8);
  EXPECT_EQ(step_bytes(program, "grad.reduce"), 2 * kAll);
  plan.reduce = Precision::kFp8;
  program = dense_step(plan);
  EXPECT_EQ(step_bytes(program, "grad.reduce"), kAll);
  EXPECT_EQ(std::get<VectorKernel>(first_named(program, "grad.cast").kernel).written.value(), kHead);
  plan.optimizer.kind = OptimizerKind::kSgd;  // one moment
  EXPECT_EQ(update_of(dense_step(plan)).read.value(), (2 + 2 + 2) * kAll / 8);
}

// --- adapters
// ---------------------------------------------------------------------------------------------------------

TEST(Lora, OnlyAdaptersAreReducedAndUpdated) {
  PlanSpec plan = sharded_plan(1);
  plan.lora.rank = 8;
  // rank·(in + out): four projections of 256 × 256, gate and up 256 × 1024, down 1024 × 256.
  const double attention = 4 * 8 * 512, mlp = 3 * 8 * 1280;
  StepProgram program = dense_step(plan);
  EXPECT_EQ(step_bytes(program, "grad.reduce"), 4 * 4 * (attention + mlp));
  EXPECT_EQ(step_bytes(program, "param.gather"), 2 * 4 * (attention + mlp));
  EXPECT_EQ(update_of(program).read.value(), 16 * 4 * (attention + mlp) / 8);
  plan.lora.attention_only = true;
  EXPECT_EQ(step_bytes(dense_step(plan), "grad.reduce"), 4 * 4 * attention);
  plan.zero_stage = 3;  // frozen parameters are sharded, and gathered, all the same
  program = dense_step(plan);
  EXPECT_EQ(step_bytes(program, "param.gather"), kMicrobatches * 2 * (kAll + 4 * kLayer + 2 * 4 * attention));
}

TEST(Lora, TensorRanksSplitTheSideOfTheMatrixThatIsSplit) {
  PlanSpec plan = small_plan();
  plan.lora.rank = 8;
  plan.tensor_parallel = 2;
  const TrainedWeights trained = layer_weights(small_dense_model(), plan, {}).trained;
  // Whole: the down halves of five column-parallel matrices, the up halves of two row-parallel ones, 8·256 each.
  EXPECT_EQ(trained.replicated, 7 * 8 * 256);
  EXPECT_EQ(trained.dense, 7 * 8 * 256 + (4 * 8 * 512 + 3 * 8 * 1280 - 7 * 8 * 256) / 2.0);
}

// --- what a rank holds
// -------------------------------------------------------------------------------------------------

TEST(RankWeights, KeyValueHeadsFewerThanTensorRanksAreHeldSeveralTimes) {
  ModelSpec model = small_dense_model();
  model.attention.kind = AttentionKind::kGqa;
  model.attention.kv_heads = 2;
  PlanSpec plan = small_plan();
  plan.tensor_parallel = 4;
  const RankWeights held = layer_weights(model, plan, {});
  // A quarter of query, output and MLP; one of the two key-value heads of 32; norms.
  EXPECT_EQ(held.dense, (2 * 65536 + 786432) / 4 + 2 * 256 * 32 + 512);
  EXPECT_EQ(step_bytes(build_step_program(model, plan), "grad.key_value"), 4 * 4 * 2 * 256 * 32);
}

TEST(RankWeights, ExpertTensorRanksSplitExperts) {
  PlanSpec plan = sharded_plan(1, 8);
  plan.expert_parallel = 2;
  plan.expert_tensor_parallel = 2;
  EXPECT_EQ(layer_weights(small_moe_model(), plan, {.moe = true}).experts, 16 / 2 * 3 * 256 * 128 / 2);
  EXPECT_EQ(expert_shards(plan), 2);
}

TEST(RankWeights, VocabularyIsPadded) {
  ModelSpec model = small_dense_model();
  model.vocab = 511;
  PlanSpec plan = small_plan();
  plan.tensor_parallel = 2;
  EXPECT_EQ(embedding_weights(model, plan).dense, 512 * 256 / 2);
  EXPECT_EQ(head_weights(model, plan).dense, 512 * 256 / 2 + 256);
}

TEST(RankWeights, DualPipeHoldsTheModelTwice) {
  PlanSpec plan = sharded_plan(1, 2);
  plan.schedule = PipelineSchedule::kDualPipe;
  plan.pipeline_parallel = plan.virtual_stages = 2;
  plan.global_batch = 16;
  for (std::int64_t stage : {0, 1}) EXPECT_EQ(stage_weights(small_dense_model(), plan, stage).dense, kAll);
  EXPECT_EQ(dense_shards(plan), 4);  // two replicas of each of the two copies
  EXPECT_EQ(step_bytes(dense_step(plan), "grad.reduce"), 4 * kAll);
}

// --- recomputation
// -----------------------------------------------------------------------------------------------------

double recomputed(const ModelSpec& model, Recompute recompute, const RecomputeSpec& spec) {
  PlanSpec plan = small_plan();
  const double flash = build_step_program(model, plan).stage_recompute_flops[0].value();
  plan.recompute = recompute;
  plan.recomputed = spec;
  return build_step_program(model, plan).stage_recompute_flops[0].value() - flash;
}

TEST(Recomputation, CoversSoManyLeadingLayers) {
  const double all = recomputed(small_dense_model(), Recompute::kFull, {});
  EXPECT_EQ(recomputed(small_dense_model(), Recompute::kFull, {.modules = {}, .block = 1}), all / 4);
  EXPECT_EQ(recomputed(small_dense_model(), Recompute::kFull, {.modules = {}, .group = 2}), all);
}

TEST(Recomputation, ModulesRunAgainAsAWhole) {
  using enum RecomputeModule;
  const double tokens = 4 * 64;
  EXPECT_EQ(recomputed(small_dense_model(), Recompute::kSelective, {.modules = {kMlp}}), 4 * tokens * 2 * 786432);
  EXPECT_EQ(recomputed(small_dense_model(), Recompute::kSelective, {.modules = {kNorm}}), 0);
  // Three MoE layers: a shared expert of 128; router and the top 4 of 16 experts besides.
  const double shared = 3 * tokens * 2 * 3 * 256 * 128;
  EXPECT_EQ(recomputed(small_moe_model(), Recompute::kSelective, {.modules = {kSharedExperts}}), shared);
  EXPECT_EQ(recomputed(small_moe_model(), Recompute::kSelective, {.modules = {kMoe}}),
            5 * shared + 3 * tokens * 2 * 256 * 16);
}

// --- offloading
// --------------------------------------------------------------------------------------------------------

TEST(Offload, ActivationsGoOutAndComeBackOnce) {
  PlanSpec plan = sharded_plan(1);
  plan.offload.activations = 0.5;
  const double kept = layer_activations(small_dense_model(), plan, {}).kept.value();
  for (bool overlap : {true, false}) {
    plan.offload.overlap = overlap;
    const StepProgram program = dense_step(plan);
    EXPECT_EQ(step_bytes(program, "activation.evict"), kMicrobatches * 4 * 0.5 * kept);
    EXPECT_EQ(step_bytes(program, "activation.fetch"), kMicrobatches * 4 * 0.5 * kept);
    EXPECT_EQ(first_named(program, "activation.evict").kind, overlap ? Op::Kind::kCommAsync : Op::Kind::kComm);
  }
}

TEST(Offload, OptimizerStatesAreStreamedAroundTheUpdate) {
  PlanSpec plan = sharded_plan(1);
  plan.offload.optimizer = 0.75;
  const StepProgram program = dense_step(plan);
  EXPECT_EQ(step_bytes(program, "optimizer.fetch"), 0.75 * 12 * kAll / 8);
  EXPECT_EQ(step_bytes(program, "optimizer.evict"), 0.75 * 12 * kAll / 8);
  EXPECT_EQ(program.stages[0].epilogue.back().name, "optimizer.evict");
}

// --- all together
// --------------------------------------------------------------------------------------------------------

TEST(ShardedStep, EventsMatchUnderEverySchedule) {
  using enum PipelineSchedule;
  ModelSpec model = small_moe_model();
  model.layers = 8;
  for (auto schedule :
       {kOneForwardOneBackward, kInterleaved, kDualPipeV, kGPipe, kZeroBubbleH1, kZeroBubbleV, kDualPipe}) {
    for (std::int64_t zero : {0, 1, 2, 3}) {
      for (bool reshard : {true, false}) {
        PlanSpec plan = sharded_plan(zero, 4);
        plan.schedule = schedule;
        plan.pipeline_parallel = 2;
        plan.expert_parallel = 2;
        const bool one_chunk = schedule == kOneForwardOneBackward || schedule == kGPipe || schedule == kZeroBubbleH1;
        plan.virtual_stages = one_chunk ? 1 : 2;
        plan.global_batch = 8 * 4;
        plan.reshard_after_forward = reshard;
        plan.offload.activations = plan.offload.optimizer = 1;
        const StepProgram program = build_step_program(model, plan);
        for (const StageProgram& stage : program.stages) expect_matched_events(stage, program.microbatches);
        const double out = step_bytes(program, "activation.evict");
        EXPECT_GT(out, 0);
        EXPECT_DOUBLE_EQ(out, step_bytes(program, "activation.fetch"));
      }
    }
  }
}

}  // namespace
}  // namespace supernode
