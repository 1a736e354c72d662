// Whole step programs: FLOPs, data parallelism, the ends of the pipeline, events.

#include "workloads/step_program.hpp"

#include <gmock/gmock.h>

#include <set>

#include "model_catalog_fixture.hpp"
#include "plan_fixture.hpp"
#include "step_walk.hpp"
#include "workloads/data_parallel_ops.hpp"
#include "workloads/rank_weights.hpp"

namespace supernode {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> names(const std::vector<Op>& ops) {
  std::vector<std::string> all;
  for (const Op& op : ops) {
    const char* mark = op.kind == Op::Kind::kCommAsync ? "~" : op.kind == Op::Kind::kWait ? "!" : "";
    all.push_back(mark + op.name);
  }
  return all;
}

int count_named(const std::vector<Op>& ops, const std::string& name, Op::Kind kind) {
  return static_cast<int>(
      std::count_if(ops.begin(), ops.end(), [&](const Op& op) { return op.name == name && op.kind == kind; }));
}

double bytes_named(const std::vector<Op>& ops, const std::string& name) {
  double total = 0;
  for (const Op& op : ops) {
    if (op.kind != Op::Kind::kWait && op.name == name) total += op.call.bytes.value();
  }
  return total;
}

double step_flops(const StepProgram& program, const PlanSpec& plan) {
  double total = 0;
  for (Flops stage : program.stage_flops) total += stage.value();
  return total * static_cast<double>(plan.tensor_parallel * plan.data_parallel);
}

double step_tokens(const PlanSpec& plan) { return static_cast<double>(plan.global_batch * plan.sequence_length); }

PlanSpec replicated_plan(std::int64_t replicas) {
  PlanSpec plan = small_plan();
  plan.data_parallel = replicas;
  plan.global_batch = 4 * replicas;
  return plan;
}

class CatalogueSteps : public ::testing::TestWithParam<std::string> {};

// FLOPs performed on all ranks, without recomputation, are the model's: the rounding of expert rows is all that
// differs.
TEST_P(CatalogueSteps, AreTheModels) {
  const ModelSpec model = catalogue_model(GetParam());
  for (auto recompute : {Recompute::kNone, Recompute::kSelective, Recompute::kFull}) {
    PlanSpec plan = small_plan();
    plan.sequence_length = 4096;
    plan.recompute = recompute;
    const StepProgram program = build_step_program(model, plan);
    const double expected = model_flops_per_token(model, plan.sequence_length) * step_tokens(plan);
    EXPECT_NEAR(step_flops(program, plan) / expected, 1, 0.005);
    const bool has_scores = model.attention.kind != AttentionKind::kMamba;  // flash attention makes them again
    if (has_scores || recompute == Recompute::kFull) {
      EXPECT_GT(program.stage_recompute_flops[0].value(), 0);
    }
  }
}

std::vector<std::string> catalogue_names() {
  std::vector<std::string> all;
  for (const ModelSpec& model : catalogue_models()) all.push_back(model.name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Models, CatalogueSteps, ::testing::ValuesIn(catalogue_names()),
                         [](const auto& info) { return test_name(info.param); });

TEST(StepProgram, FlopsDoNotDependOnTheLayout) {
  const ModelSpec model = small_moe_model();
  const auto total = [&](std::int64_t tp, std::int64_t pp, std::int64_t dp, std::int64_t ep, std::int64_t vp) {
    PlanSpec plan = small_plan();
    plan.tensor_parallel = tp, plan.pipeline_parallel = pp, plan.data_parallel = dp, plan.expert_parallel = ep;
    plan.virtual_stages = vp;
    if (vp > 1) plan.schedule = PipelineSchedule::kInterleaved;
    plan.global_batch = 32;
    return step_flops(build_step_program(model, plan), plan);
  };
  const double one = total(1, 1, 1, 1, 1);
  EXPECT_DOUBLE_EQ(total(1, 1, 8, 1, 1), one);
  EXPECT_DOUBLE_EQ(total(1, 1, 8, 8, 1), one);
  EXPECT_DOUBLE_EQ(total(1, 4, 2, 2, 1), one);
  EXPECT_DOUBLE_EQ(total(4, 1, 2, 8, 1), one);
  EXPECT_DOUBLE_EQ(total(2, 2, 4, 4, 2), one);
}

TEST(StepProgram, FullRecomputationCountsTheLayersForwardPassAgain) {
  const ModelSpec model = small_dense_model();
  PlanSpec plan = small_plan();
  const double without = build_step_program(model, plan).stage_recompute_flops[0].value();
  plan.recompute = Recompute::kFull;
  const double with = build_step_program(model, plan).stage_recompute_flops[0].value();
  // 4 layers x 4 micro-batches x 64 tokens: 2·1,048,576 a token and the attention core's 2·2·8·32·32.
  EXPECT_DOUBLE_EQ(with - without, 4 * 4 * 64 * (2 * 1048576.0 + 2 * 2 * 8 * 32 * 32));
  // Flash attention's own recomputation: half of a forward core.
  EXPECT_DOUBLE_EQ(without, 4 * 4 * 64 * (2 * 2 * 8 * 32 * 32) / 2.0);
}

TEST(StepProgram, OneReplicaNeedsNoDataParallelism) {
  const StepProgram program = build_step_program(small_dense_model(), small_plan());
  EXPECT_TRUE(program.stages[0].prologue.empty());
  EXPECT_THAT(names(program.stages[0].epilogue), ElementsAre("optimizer.adam"));
}

TEST(StepProgram, ZeroOneGathersAndScatters) {
  const ModelSpec model = small_dense_model();
  const PlanSpec plan = replicated_plan(8);
  const StepProgram program = build_step_program(model, plan);
  const StageProgram& stage = program.stages[0];
  // Embedding, four layers, head: a gather each, launched ahead, waited for by the first forward pass.
  EXPECT_EQ(count_named(stage.prologue, "param.gather", Op::Kind::kCommAsync), 6);
  EXPECT_EQ(count_named(stage.chunks[0].edge(PassKind::kForward).ops, "param.gather", Op::Kind::kWait), 6);
  EXPECT_EQ(count_named(stage.chunks[0].inner(PassKind::kForward).ops, "param.gather", Op::Kind::kWait), 0);
  EXPECT_EQ(count_named(stage.chunks[0].edge(PassKind::kBackward).ops, "grad.reduce", Op::Kind::kCommAsync), 6);
  EXPECT_EQ(count_named(stage.chunks[0].inner(PassKind::kBackward).ops, "grad.reduce", Op::Kind::kCommAsync), 0);
  EXPECT_EQ(count_named(stage.epilogue, "grad.reduce", Op::Kind::kWait), 6);
  const double parameters = count_parameters(model).total();
  EXPECT_EQ(bytes_named(stage.prologue, "param.gather"), 2 * parameters);                                // bf16
  EXPECT_EQ(bytes_named(stage.chunks[0].edge(PassKind::kBackward).ops, "grad.reduce"), 4 * parameters);  // fp32
  expect_matched_events(stage, program.microbatches);
  // Adam on an eighth: reads gradient and three fp32 states, writes the states and the bf16 weight.
  const auto adam = std::get<VectorKernel>(stage.epilogue.back().kernel);
  EXPECT_EQ(adam.read.value(), 16 * parameters / 8);
  EXPECT_EQ(adam.written.value(), 14 * parameters / 8);
}

TEST(StepProgram, WithoutOverlapTheCollectivesBlock) {
  PlanSpec plan = replicated_plan(8);
  plan.overlap.grad_reduce = plan.overlap.param_gather = false;
  const StepProgram program = build_step_program(small_dense_model(), plan);
  const StageProgram& stage = program.stages[0];
  EXPECT_EQ(count_named(stage.prologue, "param.gather", Op::Kind::kComm), 6);
  EXPECT_EQ(count_named(stage.epilogue, "grad.reduce", Op::Kind::kComm), 6);
  EXPECT_EQ(bytes_named(stage.chunks[0].edge(PassKind::kBackward).ops, "grad.reduce"), 0);
  expect_matched_events(stage, program.microbatches);
}

TEST(StepProgram, ZeroNoneReducesWholeGradients) {
  PlanSpec plan = replicated_plan(8);
  plan.zero_stage = 0;
  const StepProgram program = build_step_program(small_dense_model(), plan);
  EXPECT_TRUE(program.stages[0].prologue.empty());
  for (const Op& op : program.stages[0].chunks[0].edge(PassKind::kBackward).ops) {
    if (op.name == "grad.reduce") {
      EXPECT_EQ(op.call.op, CollectiveOp::kAllReduce);
    }
  }
  const double parameters = count_parameters(small_dense_model()).total();
  EXPECT_EQ(std::get<VectorKernel>(program.stages[0].epilogue.back().kernel).read.value(), 16 * parameters);
}

// Sharded gradients cannot be kept whole, so each micro-batch's are reduced; the epilogue waits for the last one's.
TEST(StepProgram, ZeroTwoReducesAfterEveryMicroBatch) {
  PlanSpec plan = replicated_plan(8);
  const double once = bytes_named(
      build_step_program(small_dense_model(), plan).stages[0].chunks[0].edge(PassKind::kBackward).ops, "grad.reduce");
  plan.zero_stage = 2;
  const StepProgram program = build_step_program(small_dense_model(), plan);
  const StageProgram& stage = program.stages[0];
  EXPECT_GT(once, 0);
  EXPECT_EQ(bytes_named(stage.chunks[0].inner(PassKind::kBackward).ops, "grad.reduce"), once);
  EXPECT_EQ(bytes_named(stage.chunks[0].edge(PassKind::kBackward).ops, "grad.reduce"), once);
  EXPECT_EQ(count_named(stage.epilogue, "grad.reduce", Op::Kind::kWait),
            count_named(stage.chunks[0].edge(PassKind::kBackward).ops, "grad.reduce", Op::Kind::kCommAsync));
  plan.overlap.grad_reduce = false;
  const StepProgram blocking = build_step_program(small_dense_model(), plan);
  EXPECT_EQ(count_named(blocking.stages[0].chunks[0].inner(PassKind::kBackward).ops, "grad.reduce", Op::Kind::kComm),
            count_named(stage.chunks[0].inner(PassKind::kBackward).ops, "grad.reduce", Op::Kind::kCommAsync));
  EXPECT_EQ(count_named(blocking.stages[0].epilogue, "grad.reduce", Op::Kind::kComm), 0);
}

TEST(StepProgram, ExpertsAreReducedOverTheirOwnReplicas) {
  const ModelSpec model = small_moe_model();
  PlanSpec plan = replicated_plan(8);
  plan.expert_parallel = 4;
  const StepProgram program = build_step_program(model, plan);
  const auto& ops = program.stages[0].chunks[0].edge(PassKind::kBackward).ops;
  // 3 MoE layers, 16 / 4 experts a rank of 3·256·128.
  EXPECT_EQ(bytes_named(ops, "grad.reduce.experts"), 4 * 3 * 4 * 3 * 256 * 128.0);
  for (const Op& op : ops) {
    if (op.name == "grad.reduce.experts") {
      EXPECT_EQ(op.group, GroupKind::kExpertData);
    }
  }
  plan.expert_parallel = 8;  // each expert on one rank only
  EXPECT_EQ(bytes_named(build_step_program(model, plan).stages[0].chunks[0].edge(PassKind::kBackward).ops,
                        "grad.reduce.experts"),
            0);
}

TEST(StepProgram, EndsOfThePipeline) {
  ModelSpec model = small_dense_model();
  PlanSpec plan = small_plan();
  plan.pipeline_parallel = 4, plan.tensor_parallel = 2;
  const auto has = [](const PassProgram& pass, const std::string& name) {
    return count_named(pass.ops, name, Op::Kind::kCompute) > 0;
  };
  StepProgram program = build_step_program(model, plan);
  for (std::size_t s = 0; s < 4; ++s) {
    EXPECT_EQ(has(program.stages[s].chunks[0].inner(PassKind::kForward), "embedding"), s == 0);
    EXPECT_EQ(has(program.stages[s].chunks[0].inner(PassKind::kForward), "head.loss"), s == 3);
    EXPECT_EQ(bytes_named(program.stages[s].epilogue, "grad.embedding"), 0);
  }
  EXPECT_EQ(program.boundary_bytes.value(), 64 / 2 * 256 * 2);  // the rank's share of the sequence
  model.tied_embeddings = true;
  program = build_step_program(model, plan);
  for (std::size_t s = 0; s < 4; ++s) {
    const bool end = s == 0 || s == 3;
    EXPECT_EQ(bytes_named(program.stages[s].epilogue, "grad.embedding"), end ? 512 / 2 * 256 * 4 : 0);
  }
}

TEST(StepProgram, MtpModulesFollowTheHead) {
  ModelSpec model = small_moe_model();
  PlanSpec plan = small_plan();
  const auto products = [&](const ModelSpec& m) {
    return count_named(build_step_program(m, plan).stages[0].chunks[0].inner(PassKind::kForward).ops, "head.projection",
                       Op::Kind::kCompute);
  };
  EXPECT_EQ(products(model), 1);
  model.mtp_layers = 2;
  EXPECT_EQ(products(model), 3);
  const StepProgram program = build_step_program(model, plan);
  EXPECT_EQ(
      count_named(program.stages[0].chunks[0].inner(PassKind::kForward).ops, "mtp.projection", Op::Kind::kCompute), 2);
  expect_matched_events(program.stages[0], program.microbatches);
}

TEST(StepProgram, EventsAreUniqueAndMatchedInEveryFeature) {
  ModelSpec model = small_moe_model();
  model.layers = 8;
  model.mtp_layers = 1;
  for (auto recompute : {Recompute::kNone, Recompute::kSelective, Recompute::kFull}) {
    PlanSpec plan = small_plan();
    plan.tensor_parallel = 2, plan.pipeline_parallel = 2, plan.virtual_stages = 2, plan.data_parallel = 4;
    plan.schedule = PipelineSchedule::kInterleaved;
    plan.expert_parallel = 4, plan.global_batch = 32, plan.recompute = recompute;
    plan.overlap.tensor = plan.overlap.expert = true;
    plan.compute = plan.dispatch = Precision::kFp8Block;
    const StepProgram program = build_step_program(model, plan);
    std::set<int> seen;
    for (const StageProgram& stage : program.stages) {
      expect_matched_events(stage, program.microbatches);
      for (const OpsUse& use : uses_of(stage, program.microbatches)) {
        for (const Op& op : *use.ops) {
          if (op.kind == Op::Kind::kCommAsync) {
            EXPECT_TRUE(seen.insert(op.event).second);
          }
        }
      }
    }
  }
}

TEST(StepProgram, LowPrecisionWeightsAreQuantisedOnceAStep) {
  PlanSpec plan = small_plan();
  plan.compute = Precision::kFp8;
  const StepProgram program = build_step_program(small_dense_model(), plan);
  const StageProgram& stage = program.stages[0];
  EXPECT_EQ(count_named(stage.chunks[0].edge(PassKind::kForward).ops, "weights.quantise", Op::Kind::kCompute), 4);
  EXPECT_EQ(count_named(stage.chunks[0].inner(PassKind::kForward).ops, "weights.quantise", Op::Kind::kCompute), 0);
  // Head and router are not among the quantised products.
  for (const Op& op : stage.chunks[0].inner(PassKind::kForward).ops) {
    if (op.name == "head.projection") {
      EXPECT_EQ(std::get<GemmKernel>(op.kernel).precision, Precision::kBf16);
    }
  }
}

TEST(StepProgram, WeightsOnAllRanksAreTheModels) {
  // What the replicas reduce per stage is what memory accounts for.
  ModelSpec model = small_moe_model();
  model.mtp_layers = 1;
  PlanSpec plan = small_plan();
  plan.tensor_parallel = 2, plan.pipeline_parallel = 2, plan.data_parallel = 4, plan.expert_parallel = 4;
  plan.global_batch = 16;
  const StepProgram program = build_step_program(model, plan);
  for (std::int64_t s = 0; s < 2; ++s) {
    const auto& ops = program.stages[static_cast<std::size_t>(s)].chunks[0].edge(PassKind::kBackward).ops;
    const RankWeights held = stage_weights(model, plan, s);
    EXPECT_DOUBLE_EQ(bytes_named(ops, "grad.reduce"), 4 * held.dense);
    EXPECT_DOUBLE_EQ(bytes_named(ops, "grad.reduce.experts"), 4 * held.experts);
  }
}

}  // namespace
}  // namespace supernode
