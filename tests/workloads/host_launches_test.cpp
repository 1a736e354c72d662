// What the host launches: an operation once, an expert's product by itself, nothing that stands in a CUDA graph.
#include "workloads/host_launches.hpp"

#include <gtest/gtest.h>

#include "plan_fixture.hpp"

namespace supernode {
namespace {

// Experts over two of four ranks, so that tokens are exchanged; 8 of 16 experts a rank.
PlanSpec expert_plan() {
  PlanSpec plan = small_plan();
  plan.data_parallel = 4;
  plan.global_batch = 16;
  plan.expert_parallel = 2;
  return plan;
}

const std::vector<Op>& forward_ops(const StepProgram& program) {
  return program.stages[0].chunks[0].inner(PassKind::kForward).ops;
}

std::int64_t launches_of(const StepProgram& program, const std::string& name) {
  std::int64_t launches = -1;
  for (const Op& op : forward_ops(program))
    if (op.name == name) launches = op.launches;
  return launches;
}

TEST(HostLaunches, AnOperationIsOneLaunch) {
  const StepProgram program = build_step_program(small_moe_model(), expert_plan());
  for (const Op& op : forward_ops(program)) EXPECT_EQ(op.launches, 1) << op.name;
  EXPECT_FALSE(program.one_graph);
}

TEST(HostLaunches, ExpertsApartAreOneLaunchEach) {
  PlanSpec plan = expert_plan();
  plan.launch.experts_apart = true;
  const StepProgram program = build_step_program(small_moe_model(), plan);
  EXPECT_EQ(launches_of(program, "moe.experts.up"), 8);  // 16 experts on 2 ranks
  EXPECT_EQ(launches_of(program, "moe.experts.down"), 8);
  EXPECT_EQ(launches_of(program, "moe.shared.up"), 1);
  EXPECT_EQ(launches_of(program, "attn.core"), 1);
  EXPECT_EQ(launches_of(program, "moe.topk"), 17);  // with DeepEP
  plan.routing.dispatcher = TokenDispatcher::kCopies;
  EXPECT_EQ(launches_of(build_step_program(small_moe_model(), plan), "moe.topk"), 31);
}

// The operands of each expert's product are quantised by themselves: 8 casts of 8 experts.
TEST(HostLaunches, OperandsOfExpertsAreQuantisedApart) {
  PlanSpec plan = expert_plan();
  plan.compute = Precision::kMxfp8;
  plan.launch.experts_apart = true;
  const StepProgram program = build_step_program(small_moe_model(), plan);
  EXPECT_EQ(launches_of(program, "moe.experts.up.cast"), 8);
  EXPECT_EQ(launches_of(program, "attn.qkv.cast"), 1);
}

TEST(HostLaunches, AStaticGraphLeavesWhatTheRouterDecides) {
  PlanSpec plan = expert_plan();
  plan.launch = {GraphScope::kStatic, true};
  const StepProgram program = build_step_program(small_moe_model(), plan);
  for (const char* captured :
       {"attn.core", "attn.out", "moe.norm", "moe.router", "moe.topk", "moe.shared.up", "mlp.up"})
    EXPECT_EQ(launches_of(program, captured), 0) << captured;
  for (const char* apart : {"moe.dispatch", "moe.permute", "moe.experts.activation", "moe.unpermute", "moe.combine"})
    EXPECT_EQ(launches_of(program, apart), 1) << apart;
  EXPECT_EQ(launches_of(program, "moe.experts.up"), 8);
}

TEST(HostLaunches, AGraphOfAllPassesLeavesTheOptimizer) {
  PlanSpec plan = expert_plan();
  plan.launch.graphs = GraphScope::kPass;
  const StepProgram program = build_step_program(small_moe_model(), plan);
  EXPECT_TRUE(program.one_graph);
  for (const Op& op : forward_ops(program)) EXPECT_EQ(op.launches, 0) << op.name;
  ASSERT_FALSE(program.stages[0].epilogue.empty());
  for (const Op& op : program.stages[0].epilogue) EXPECT_EQ(op.launches, 1) << op.name;
}

// Attention on fp8 operands; the products around it stay as they are.
TEST(HostLaunches, Fp8AttentionChangesTheCoreAlone) {
  PlanSpec plan = small_plan();
  plan.fp8_attention = true;
  const StepProgram program = build_step_program(small_dense_model(), plan);
  for (const Op& op : forward_ops(program)) {
    if (const auto* core = std::get_if<AttentionKernel>(&op.kernel)) EXPECT_EQ(core->precision, Precision::kFp8);
    if (const auto* gemm = std::get_if<GemmKernel>(&op.kernel)) EXPECT_EQ(gemm->precision, Precision::kBf16) << op.name;
  }
}

TEST(HostLaunches, TheRouterHasItsFormat) {
  PlanSpec plan = expert_plan();
  plan.router = Precision::kTf32;
  const StepProgram program = build_step_program(small_moe_model(), plan);
  for (const Op& op : forward_ops(program))
    if (op.name == "moe.router") EXPECT_EQ(std::get<GemmKernel>(op.kernel).precision, Precision::kTf32);
}

// Adapters of all layers are reduced as one; the same bytes as layer by layer.
TEST(HostLaunches, AdaptersShareOneReduction) {
  PlanSpec plan = small_plan();
  plan.data_parallel = 4;
  plan.global_batch = 16;
  plan.lora.rank = 8;
  const StepProgram program = build_step_program(small_dense_model(), plan);
  int reductions = 0, gathers = 0;
  for (const Op& op : program.stages[0].chunks[0].edge(PassKind::kBackward).ops) reductions += op.name == "grad.reduce";
  for (const Op& op : program.stages[0].prologue) gathers += op.name == "param.gather";
  EXPECT_EQ(reductions, 1);
  EXPECT_EQ(gathers, 1);
}

}  // namespace
}  // namespace supernode
