// The Muon optimizer: owners, FLOPs and exchanges by hand.

#include "workloads/muon.hpp"

#include <gmock/gmock.h>

#include "plan_fixture.hpp"
#include "step_walk.hpp"
#include "workloads/optimizer_states.hpp"

namespace supernode {

bool operator==(const MuonMatrices& a, const MuonMatrices& b) {
  return a.rows == b.rows && a.columns == b.columns && a.count == b.count;
}

namespace {

using ::testing::UnorderedElementsAre;

// The small dense model's layers hold 16 matrices of 256 × 256 (query, key, value, output) and 12 of 256 × 1024.
PlanSpec muon_plan(std::int64_t replicas) {
  PlanSpec plan = small_plan();
  plan.data_parallel = replicas;
  plan.global_batch = 4 * replicas;
  plan.optimizer.kind = OptimizerKind::kMuon;
  return plan;
}

constexpr double kMatrices = 4 * (262144.0 + 786432), kOthers = 4 * 512 + 512 * 256 + 512 * 256 + 256;

TEST(Muon, FiveIterationsOfThreeProducts) {
  // X·Xᵀ 2·4·4·6, A·A 2·4·4·4, B·X 2·4·4·6.
  EXPECT_EQ(newton_schulz_flops(4, 6).value(), 5 * (192 + 128 + 192));
}

TEST(Muon, EachMatrixHasOneOwner) {
  const ModelSpec model = small_dense_model();
  EXPECT_THAT(owned_matrices(model, muon_plan(1), 0),
              UnorderedElementsAre(MuonMatrices{256, 256, 16}, MuonMatrices{256, 1024, 12}));
  EXPECT_THAT(owned_matrices(model, muon_plan(4), 0),
              UnorderedElementsAre(MuonMatrices{256, 256, 4}, MuonMatrices{256, 1024, 3}));
  // 8 owners: a large matrix is 3 small ones' work; of 52 in all the busiest has 7, however they are dealt.
  double work = 0;
  for (const MuonMatrices& m : owned_matrices(model, muon_plan(8), 0)) {
    work += static_cast<double>(m.count) * (m.columns == 1024 ? 3 : 1);
  }
  EXPECT_EQ(work, 7);
  PlanSpec replicated = muon_plan(8);
  replicated.zero_stage = 0;  // every replica updates all
  EXPECT_EQ(owned_matrices(model, replicated, 0).size(), 2u);
  EXPECT_EQ(owned_matrices(model, replicated, 0)[0].count, 16);
}

TEST(Muon, ExpertsAreOwnedByTheirReplicas) {
  PlanSpec plan = muon_plan(8);
  plan.expert_parallel = 4;  // 4 experts of 3 matrices 128 × 256 a rank and layer, 3 layers, 2 replicas
  std::int64_t experts = 0;
  for (const MuonMatrices& m : owned_matrices(small_moe_model(), plan, 0)) experts += m.rows == 128 ? m.count : 0;
  // And of the shared experts' 9, 8 owners: one or two each.
  EXPECT_GE(experts, 18 + 0);
  EXPECT_LE(experts, 18 + 2);
}

TEST(Muon, StepPerformsTheIterations) {
  const PlanSpec plan = muon_plan(4);
  const StepProgram program = build_step_program(small_dense_model(), plan);
  const double small = 5 * (4 * 256.0 * 256 * 256 + 2 * 256.0 * 256 * 256);
  const double large = 5 * (4 * 256.0 * 256 * 1024 + 2 * 256.0 * 256 * 256);
  EXPECT_EQ(program.stage_optimizer_flops[0].value(), 4 * small + 3 * large);
  PlanSpec adam = plan;
  adam.optimizer.kind = OptimizerKind::kAdam;
  const StepProgram plain = build_step_program(small_dense_model(), adam);
  EXPECT_EQ(plain.stage_optimizer_flops[0].value(), 0);
  EXPECT_EQ(plain.stage_flops[0], program.stage_flops[0]);
}

TEST(Muon, OneMomentOfMatricesAdamForTheRest) {
  const PlanSpec plan = muon_plan(4);
  const RankWeights held = stage_weights(small_dense_model(), plan, 0);
  EXPECT_EQ(held.trained.dense_matrices, kMatrices);
  EXPECT_EQ(updated_parameters(plan, held.trained).others, kOthers / 4);
  EXPECT_EQ(optimizer_bytes(plan, held.trained).value(), (8 * kMatrices + 12 * kOthers) / 4);
  for (const Op& op : build_step_program(small_dense_model(), plan).stages[0].epilogue) {
    if (op.name == "optimizer.adam") {
      EXPECT_EQ(std::get<VectorKernel>(op.kernel).read.value(), 16 * kOthers / 4);
    }
    if (op.name == "optimizer.muon.momentum") {
      EXPECT_EQ(std::get<VectorKernel>(op.kernel).read.value(), (4 + 4) * kMatrices / 4);
    }
  }
}

TEST(Muon, SplitMatricesTravelToTheirOwnersAndBack) {
  PlanSpec plan = muon_plan(2);
  plan.tensor_parallel = 2;
  StepProgram program = build_step_program(small_dense_model(), plan);
  // bf16: half of the matrices a tensor rank, half of those a shard.
  EXPECT_EQ(step_bytes(program, "optimizer.muon.gather"), 2 * kMatrices / 4);
  EXPECT_EQ(step_bytes(program, "optimizer.muon.scatter"), 2 * kMatrices / 4);
  EXPECT_EQ(step_bytes(program, "optimizer.muon.gather.shards"), 0);  // shards are whole matrices
  plan.zero_stage = 3;                                                // shards are rows of each matrix
  program = build_step_program(small_dense_model(), plan);
  EXPECT_EQ(step_bytes(program, "optimizer.muon.gather.shards"), 2 * kMatrices / 4);
}

}  // namespace
}  // namespace supernode
