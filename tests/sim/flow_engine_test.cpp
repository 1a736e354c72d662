// The two flow engines must agree, and neither may beat the floors of the plan.

#include "sim/flow_engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/child_process.hpp"
#include "base/serialize.hpp"
#include "tests/sim/collective_fixture.hpp"

namespace supernode {
namespace {

using namespace test;

Seconds by_simgrid(const FlowPlan& plan) {
  const std::string bytes = run_in_child([&] {
    ByteWriter writer;
    writer.put(run_flows_simgrid(plan, {{plan.rounds}}).front());
    return writer.take();
  });
  return std::ranges::max(ByteReader(bytes).get_vector<Seconds>());
}

Seconds folded(const FlowPlan& plan, Folding folding = Folding::kSymmetric) {
  return std::ranges::max(run_flow_classes(fold_flows(plan, {plan.rounds}, folding)));
}

struct Case {
  std::string name;
  Fabric fabric;
  std::vector<DeviceId> members;
};

std::vector<Case> cases() {
  std::vector<Case> cases;
  cases.push_back({"star", star(24, 100_GBps, 1_us), devices(24)});
  cases.push_back({"part of a star", star(24, 100_GBps, 1_us), devices(5, 3, 4)});
  cases.push_back({"thin uplink", two_tier(4, 4, 100_GBps, 130_GBps, 1_us), devices(16)});
  cases.push_back({"uneven nodes", two_tier(4, 4, 100_GBps, 130_GBps, 1_us), devices(10, 1)});
  cases.push_back({"rails", rails(3, 4, 400_GBps, 50_GBps, 2_us), devices(12)});
  cases.push_back({"one rail", rails(6, 2, 400_GBps, 50_GBps, 2_us), devices(6, 0, 2)});
  return cases;
}

TEST(FlowEngines, AgreeOnARoundOfAllFlowsAtOnce) {
  for (const Case& c : cases()) {
    const auto rounds = rounds_of(c.fabric, c.members, "direct", {CollectiveOp::kAllToAll, 48_MB, {}});
    const FlowPlan plan = plan_flows(c.fabric, c.members, rounds, {});
    const Seconds simgrid = by_simgrid(plan);
    EXPECT_NEAR(folded(plan) / simgrid, 1, 1e-6) << c.name;
    EXPECT_GE(simgrid.value(), bandwidth_floor(plan).value() * (1 - 1e-6)) << c.name;
    EXPECT_GE(simgrid.value(), latency_floor(plan).value() * (1 - 1e-6)) << c.name;
  }
}

// Sizes that no symmetry relates: each flow ends at its own time.
TEST(FlowEngines, AgreeOnUnlikeFlows) {
  for (const Case& c : cases()) {
    const auto n = static_cast<std::int32_t>(c.members.size());
    Round round;
    for (std::int32_t i = 0; i < n; ++i)
      for (std::int32_t d = 1; d < n; d += 2)
        round.transfers.push_back({i, (i + d) % n, Bytes(1e6 * (1 + (i * 7 + d * 3) % 11))});
    const FlowPlan plan = plan_flows(c.fabric, c.members, {round}, {});
    EXPECT_NEAR(folded(plan) / by_simgrid(plan), 1, 1e-6) << c.name;
  }
}

// 384 ranks at once are 147,072 flows: folded. 383 · 64 MB/384 / 900 GB/s + 2 us.
TEST(FlowEngines, FoldsRoundsThatAreTooLargeToSimulate) {
  const Fabric fabric = star(384, 900_GBps, 1_us);
  const auto rounds = rounds_of(fabric, devices(384), "direct", {CollectiveOp::kAllToAll, 64_MB, {}});
  const FlowResult result = simulate_flows(fabric, devices(384), rounds);
  EXPECT_EQ(result.flows, 384 * 383);
  EXPECT_NEAR(result.time.value() * 1e6, 383.0 / 384 * 64e6 / 900e9 * 1e6 + 2, 1e-6);
}

TEST(FlowPlanFloors, HoldForEveryAlgorithm) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  for (const Case& c : cases()) {
    const GroupShape shape = group_shape(c.fabric, c.members);
    for (const auto& algorithm : registry.all())
      for (const CollectiveOp op : {CollectiveOp::kAllReduce, CollectiveOp::kAllGather, CollectiveOp::kAllToAll}) {
        const CollectiveCall call{op, 1_MB, {}};
        if (!algorithm->supports(call, shape)) continue;
        const FlowPlan plan = plan_flows(c.fabric, c.members, algorithm->rounds(call, shape), {});
        const Seconds time = simulate_plan(c.fabric, plan).time;
        EXPECT_GE(time.value(), bandwidth_floor(plan).value() * (1 - 1e-6)) << c.name << ' ' << algorithm->name();
        EXPECT_GE(time.value(), latency_floor(plan).value() * (1 - 1e-6)) << c.name << ' ' << algorithm->name();
      }
  }
}

}  // namespace
}  // namespace supernode
