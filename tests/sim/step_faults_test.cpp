// A step with faults: stragglers by algebra, drained nodes, the slowest group of a stage, and that faults never help.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "sim/stage_groups.hpp"
#include "tests/sim/random_step.hpp"
#include "tests/workloads/plan_fixture.hpp"

namespace supernode {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

// Two nodes of H100 under a plan.
SimulationInput h100_step(const std::string& plan, std::int64_t chips = 16) {
  SimulationInput input;
  input.system = test::catalogue_entry<SystemSpec>(system_catalog(), "hgx-h100");
  input.chip = test::catalogue_entry<ChipSpec>(chip_catalog(), input.system.chip);
  input.protocol = test::catalogue_entry<CollectiveProtocol>(protocol_catalog(), "nccl-hgx-h100");
  input.chips = chips;
  input.model = small_dense_model();
  input.model.hidden = 2048, input.model.ffn = 8192, input.model.attention.heads = 16;
  input.model.attention.kv_heads = 16, input.model.attention.head_dim = 128;
  Diagnostics diagnostics;
  input.plan = read_plan(plan, diagnostics, &input.model, chips);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  return input;
}

double step_time(const SimulationInput& input) { return simulate(input).step.step_time.value(); }

const std::string kOneRank = "{micro_batch: 1, global_batch: 4, sequence_length: 2048}";
const std::string kTwoStages =
    "{tensor_parallel: 2, pipeline_parallel: 2, micro_batch: 1, global_batch: 32, sequence_length: 2048}";
const std::string kReplicas = "{tensor_parallel: 8, micro_batch: 1, global_batch: 8, sequence_length: 2048}";

// One rank communicates with nobody: all of the step is kernels, and at half the speed it takes twice as long.
TEST(StepFaults, ASlowChipByAlgebra) {
  SimulationInput input = h100_step(kOneRank, 1);
  const double healthy = step_time(input);
  input.system.faults.slow_chips = {{0, 0.5}};
  EXPECT_NEAR(step_time(input), 2 * healthy, 1e-9 * healthy);
  input.system.faults.slow_chips = {{0, 0.5}, {0, 0.8}};
  EXPECT_NEAR(step_time(input), 2 * healthy, 1e-9 * healthy);
  input.system.faults.slow_chips = {{7, 0.5}};  // of the node, but no rank runs on it
  EXPECT_NEAR(step_time(input), healthy, 1e-9 * healthy);
}

// Ranks 0 to 7 are stage 0, the others stage 1. With m micro-batches of two stages of the step's (m + 1) slots the slow
// stage takes twice as long in all but its own bubble.
TEST(StepFaults, ASlowChipSlowsItsStage) {
  SimulationInput input = h100_step(kTwoStages);
  input.system.faults.slow_chips = {{11, 0.5}};
  const Placement placement(input.system, input.chips);
  EXPECT_THAT(stage_slowdowns(input.system, input.plan, placement), ElementsAre(1, 2));
  const SimulationResult slow = simulate(input);
  EXPECT_THAT(slow.assumptions, Contains(HasSubstr("chip 11 computes at 50 % of its speed")));
  input.system.faults = {};
  const double healthy = step_time(input);
  EXPECT_GT(slow.step.step_time.value(), 1.2 * healthy);
  EXPECT_LT(slow.step.step_time.value(), 2 * healthy);
}

TEST(StepFaults, RanksLeaveDrainedNodes) {
  SimulationInput input = h100_step(kTwoStages);
  const double healthy = step_time(input);
  input.system.faults.chips = {3};
  EXPECT_THROW(simulate(input), FaultError);
  input.system.spare_nodes = 1;
  const Placement placement(input.system, input.chips);
  EXPECT_EQ(placement.device(0), DeviceId(8));
  EXPECT_EQ(placement.device(15), DeviceId(23));
  EXPECT_EQ(placement.rank(DeviceId(8)), 0);
  EXPECT_EQ(placement.rank(DeviceId(3)), -1);
  EXPECT_NEAR(step_time(input), healthy, 0.01 * healthy) << "nodes 1 and 2 are as good as 0 and 1";
  input.system.faults.slow_chips = {{3, 0.5}};
  EXPECT_THAT(stage_slowdowns(input.system, input.plan, placement), ElementsAre(1, 1));
}

// The second replica lies on the node with one of four switches: a healthy first one does not hide it.
TEST(StepFaults, TheSlowestGroupCounts) {
  SimulationInput input = h100_step(kReplicas);
  const auto tensor_time = [](const SimulationInput& in) {
    Seconds most{};
    for (const CollectiveUse& use : simulate(in).collectives)
      if (use.comm_class == CommClass::kTensor) most = max(most, use.cost.time);
    return most.value();
  };
  const double healthy = tensor_time(input);
  input.system.faults.switches = {"supernode1.nvswitch.0", "supernode1.nvswitch.1", "supernode1.nvswitch.2"};
  EXPECT_GT(tensor_time(input), 1.5 * healthy);
  const SimulationResult result = simulate(input);
  EXPECT_THAT(result.assumptions, Contains(HasSubstr("3 switch chips down")));
  EXPECT_THAT(result.assumptions, Contains(HasSubstr("slowest group")));
}

TEST(StepFaults, GroupsOfAStage) {
  const SimulationInput input = h100_step(kTwoStages);
  const auto groups = all_groups(input.plan, GroupKind::kData, 1);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_THAT(groups[0], ElementsAre(DeviceId(8), DeviceId(10), DeviceId(12), DeviceId(14)));
  EXPECT_THAT(groups[1], ElementsAre(DeviceId(9), DeviceId(11), DeviceId(13), DeviceId(15)));
  EXPECT_THAT(all_groups(input.plan, GroupKind::kTensor, 0)[3], ElementsAre(DeviceId(6), DeviceId(7)));
  EXPECT_THAT(all_groups(input.plan, GroupKind::kPipelineNext, 0)[5], ElementsAre(DeviceId(5), DeviceId(13)));
  const Fabric fabric = build_fabric(input.system, input.chips);
  const Placement placement;
  EXPECT_EQ(StageGroups(fabric, input.plan, placement).of(GroupKind::kTensor, 0).size(), 1u);
}

// Every rank of a stage is in exactly one group of each kind.
RC_GTEST_PROP(StepFaultsProperty, GroupsPartitionAStage, ()) {
  const PlanSpec plan = test::random_step().plan;
  for (const GroupKind kind : {GroupKind::kTensor, GroupKind::kData, GroupKind::kDataShard, GroupKind::kContext,
                               GroupKind::kExpert, GroupKind::kExpertData}) {
    std::vector<int> seen(static_cast<std::size_t>(plan.ranks()), 0);
    for (const auto& group : all_groups(plan, kind, 0))
      for (const DeviceId member : group) ++seen[static_cast<std::size_t>(member.index)];
    for (std::int64_t rank = 0; rank < plan.stage_ranks(); ++rank) RC_ASSERT(seen[static_cast<std::size_t>(rank)] == 1);
  }
}

RC_GTEST_PROP(StepFaultsProperty, FaultsNeverSpeedUpAStep, ()) {
  SimulationInput input = test::random_step();
  const double healthy = step_time(input);
  input.system.faults.random.seed = test::between(0, 1000);
  input.system.faults.random.links = test::between(1, 6);
  // Not exactly monotonic: an exchange that ends later may leave another pass less of its own slowing to bear.
  RC_ASSERT(step_time(input) >= healthy * (1 - 1e-4));
}

}  // namespace
}  // namespace supernode
