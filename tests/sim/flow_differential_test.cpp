// SimGrid, the folded engine and the folded engine without folding must tell the same story of any plan.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "tests/sim/collective_fixture.hpp"
#include "tests/sim/flow_net.hpp"

namespace supernode {
namespace {

using namespace test;

// Random links, paths over one to three of them, rounds in which ranks send to any others, some of them repeated.
// Few different sizes, so that some flows are symmetric and some are nearly so.
FlowPlan random_plan() {
  FlowPlan plan;
  plan.ranks = *rc::gen::inRange(2, 8);
  const int links = *rc::gen::inRange(2, 7);
  for (int l = 0; l < links; ++l) plan.links.push_back({{}, {}, *rc::gen::inRange(1, 4) * 50_GBps, {}});
  for (int p = 0; p < 2 * plan.ranks * plan.ranks; ++p) {
    const int first = *rc::gen::inRange(0, links), count = *rc::gen::inRange(1, std::min(links, 3) + 1);
    plan.paths.push_back(
        {static_cast<std::int32_t>(plan.path_links.size()), count, *rc::gen::inRange(0, 3) * 1_us, Plane::kScaleUp});
    for (int i = 0; i < count; ++i) plan.path_links.push_back((first + i) % links);
  }
  for (int r = *rc::gen::inRange(1, 5); r > 0; --r) {
    PlannedRound round{{}, *rc::gen::inRange(1, 4)};
    for (int f = *rc::gen::inRange(1, 10); f > 0; --f) {
      const int from = *rc::gen::inRange(0, plan.ranks);
      const int to = (from + *rc::gen::inRange(1, plan.ranks)) % plan.ranks;
      // Two pairs never share a path, as in plans that are made from fabrics.
      const int path = (from * plan.ranks + to) * 2 + *rc::gen::inRange(0, 2);
      round.flows.push_back({from, to, path, *rc::gen::inRange(1, 4) * 1_MB});
    }
    plan.rounds.push_back(std::move(round));
  }
  if (*rc::gen::arbitrary<bool>())
    for (int i = 0; i < plan.ranks; ++i) plan.start.push_back(*rc::gen::inRange(0, 3) * 10_us);
  return plan;
}

TEST(FlowEngines, AgreeOnRandomPlans) {
  EXPECT_TRUE(rc::check("all ways finish alike", [] {
    const FlowPlan plan = random_plan();
    const std::vector<Seconds> reference = run(plan, FlowEngine::kSimGrid);
    for (const FlowEngine way : {FlowEngine::kFolded, FlowEngine::kEachFlow}) {
      const std::vector<Seconds> finish = run(plan, way);
      for (std::size_t rank = 0; rank < finish.size(); ++rank)
        RC_ASSERT(std::abs(finish[rank].value() - reference[rank].value()) <= 1e-6 * reference[rank].value() + 1e-12);
    }
  }));
}

struct Case {
  std::string name;
  Fabric fabric;
  std::vector<DeviceId> members;
};

// Uneven groups, thin uplinks, a slow port: symmetric in part only.
std::vector<Case> cases() {
  std::vector<Case> cases;
  cases.push_back({"star", star(16, 100_GBps, 1_us), devices(16)});
  cases.push_back({"nodes", two_tier(4, 4, 100_GBps, 130_GBps, 1_us), devices(16)});
  cases.push_back({"uneven nodes", two_tier(4, 4, 100_GBps, 130_GBps, 1_us), devices(10, 1)});
  cases.push_back({"rails", rails(3, 4, 400_GBps, 50_GBps, 2_us), devices(12)});
  cases.push_back({"one rail", rails(6, 2, 400_GBps, 50_GBps, 2_us), devices(6, 0, 2)});
  return cases;
}

FlowPlan exact_plan(const Case& c, const CollectiveAlgorithm& algorithm, const CollectiveCall& call) {
  return plan_flows(c.fabric, c.members, algorithm.rounds(call, group_shape(c.fabric, c.members)), {});
}

void expect_all_ways_alike(const FlowPlan& plan, const std::string& what) {
  const std::vector<Seconds> reference = run(plan, FlowEngine::kSimGrid), each = run(plan, FlowEngine::kEachFlow),
                             folded = run(plan, FlowEngine::kFolded);
  for (std::size_t rank = 0; rank < reference.size(); ++rank) {
    EXPECT_NEAR(each[rank] / reference[rank], 1, 1e-6) << what;
    EXPECT_NEAR(folded[rank] / each[rank], 1, 1e-9) << what;
  }
}

// Whole schedules of every algorithm: rounds overlap where ranks run ahead.
TEST(FlowEngines, AgreeOnEveryAlgorithm) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  for (const Case& c : cases())
    for (const auto& algorithm : registry.all())
      for (const CollectiveOp op : {CollectiveOp::kAllReduce, CollectiveOp::kAllToAll}) {
        const CollectiveCall call{op, 4_MB, {}};
        if (!algorithm->supports(call, group_shape(c.fabric, c.members))) continue;
        expect_all_ways_alike(exact_plan(c, *algorithm, call), c.name + ' ' + algorithm->name());
      }
}

// One link with half of its bandwidth, or slower by latency: its users stand out, the others may still be alike.
TEST(FlowEngines, AgreeWithALinkThatIsNotLikeTheOthers) {
  const Case c{"star", star(16, 100_GBps, 1_us), devices(16)};
  for (const char* algorithm : {"ring", "pairwise", "halving_doubling"}) {
    const CollectiveOp op = algorithm == std::string("pairwise") ? CollectiveOp::kAllToAll : CollectiveOp::kAllReduce;
    FlowPlan plan = plan_flows(c.fabric, c.members, rounds_of(c.fabric, c.members, algorithm, {op, 16_MB, {}}), {});
    for (const std::size_t slow : {std::size_t{0}, plan.links.size() / 2}) {
      plan.links[slow].capacity = plan.links[slow].capacity * 0.5;
      expect_all_ways_alike(plan, algorithm);
    }
    plan.paths.front().latency = 5_us;
    expect_all_ways_alike(plan, algorithm);
  }
}

TEST(FlowFolding, FindsTheSymmetry) {
  const Fabric fabric = star(384, 196_GBps, 0.5_us);
  const auto plan = [&](const char* algorithm, CollectiveOp op) {
    return plan_flows(fabric, devices(384), rounds_of(fabric, devices(384), algorithm, {op, 64_MiB, {}}), {});
  };
  const FlowPlan ring = plan("ring", CollectiveOp::kAllReduce);
  EXPECT_EQ(fold_flows(ring, {ring.rounds}).flows.size(), 1u);
  EXPECT_EQ(fold_flows(ring, {ring.rounds}).ranks.size(), 1u);
  const FlowPlan pairwise = plan("pairwise", CollectiveOp::kAllToAll);
  EXPECT_EQ(fold_flows(pairwise, {pairwise.rounds}).flows.size(), 383u);
  EXPECT_EQ(fold_flows(pairwise, {pairwise.rounds}, Folding::kEach).flows.size(), 384u * 383u);
}

// One rank that starts late tells all ranks of a ring apart, by their distance from it.
TEST(FlowFolding, SeesWhatBreaksTheSymmetry) {
  const Fabric fabric = star(16, 100_GBps, 1_us);
  FlowPlan plan = plan_flows(fabric, devices(16),
                             rounds_of(fabric, devices(16), "ring", {CollectiveOp::kAllReduce, 16_MB, {}}), {});
  plan.start.resize(16);
  plan.start[3] = 10_us;
  EXPECT_EQ(fold_flows(plan, {plan.rounds}).ranks.size(), 16u);
  expect_all_ways_alike(plan, "late rank");
}

}  // namespace
}  // namespace supernode
