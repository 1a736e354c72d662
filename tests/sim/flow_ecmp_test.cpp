// Flows over single links, as ECMP hashes them, and over the joint limits of degraded fabrics.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "tests/sim/collective_fixture.hpp"
#include "tests/sim/flow_net.hpp"

namespace supernode {
namespace {

using namespace test;

// Two leaves of four devices with four spines between: each leaf has one link of 100 GB/s to each spine.
Fabric leaf_spine(bool ecmp, int flows = 1, std::uint64_t seed = 0) {
  Fabric fabric;
  std::vector<VertexId> spines;
  for (int s = 0; s < 4; ++s)
    spines.push_back(fabric.add_vertex(VertexKind::kSwitch, "spine" + std::to_string(s), "all.spine"));
  for (int l = 0; l < 2; ++l) {
    const std::string name = "leaf" + std::to_string(l);
    const VertexId leaf = fabric.add_vertex(VertexKind::kSwitch, name, name + ".leaf");
    for (const VertexId spine : spines) fabric.connect(leaf, spine, link(100_GBps, 1_us));
    for (int i = 0; i < 4; ++i) {
      const DeviceId device = fabric.add_device(name + ".d" + std::to_string(i), {4 * l + i, l, 0});
      fabric.connect(fabric.vertex(device), leaf, link(100_GBps, 1_us));
    }
  }
  if (ecmp) fabric.set_hashing(Plane::kScaleUp, {true, flows, seed});
  fabric.seal();
  return fabric;
}

std::vector<Round> across() {
  Round round;
  for (std::int32_t i = 0; i < 4; ++i) round.transfers.push_back({i, i + 4, 1_MB});
  return {round};
}

// Sprayed, four flows of 100 GB/s have 400 GB/s between the leaves: 10 us and four hops. Hashed, the time is set by the
// fullest link of either tier: with k flows on it, each has 100/k GB/s.
TEST(FlowEcmp, CollisionsSlowFlowsDown) {
  EXPECT_NEAR(simulate_flows(leaf_spine(false), devices(8), across()).time.value() * 1e6, 14, 1e-6);
  std::map<int, int> seen;  // seeds by flows on the fullest link
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Fabric fabric = leaf_spine(true, 1, seed);
    const FlowResult result = simulate_flows(fabric, devices(8), across());
    double fullest = 0;
    for (const LinkLoad& load : result.links) fullest = std::max(fullest, load.bytes / 1_MB);
    EXPECT_NEAR(result.time.value() * 1e6, 10 * fullest + 4, 1e-6) << "seed " << seed;
    EXPECT_EQ(result.links.front().bytes / 1_MB, fullest);
    ++seen[static_cast<int>(fullest)];
  }
  EXPECT_GE(seen.size(), 2u);  // seeds differ
}

// What is hashed onto links adds up to what the bundles carry, cut into however many flows.
TEST(FlowEcmp, LinksAddUpToBundles) {
  for (const int flows : {1, 4, 7}) {
    const Fabric fabric = leaf_spine(true, flows, 3);
    const FlowResult result = simulate_flows(fabric, devices(8), across());
    EXPECT_EQ(result.flows, 4 * flows);
    std::map<BundleId, Bytes> by_bundle;
    for (const LinkLoad& load : result.links) by_bundle[load.bundle] += load.bytes;
    ASSERT_EQ(by_bundle.size(), result.bytes.size());
    for (const auto& [bundle, bytes] : result.bytes) EXPECT_NEAR(by_bundle[bundle] / bytes, 1, 1e-12);
    EXPECT_TRUE(std::ranges::is_sorted(result.links, std::greater<>{}, &LinkLoad::utilisation));
  }
}

// More flows a message spread better: never worse than one link for all, never better than spraying.
TEST(FlowEcmp, ManyFlowsApproachSpraying) {
  const double sprayed = simulate_flows(leaf_spine(false), devices(8), across()).time.value();
  const double many = simulate_flows(leaf_spine(true, 256, 1), devices(8), across()).time.value();
  EXPECT_GE(many, sprayed * (1 - 1e-9));
  EXPECT_LE(many, sprayed * 1.25);
}

TEST(FlowEcmp, EnginesAgree) {
  const Fabric fabric = leaf_spine(true, 3, 5);
  const auto rounds = rounds_of(fabric, devices(8), "pairwise", {CollectiveOp::kAllToAll, 8_MB, {}});
  const FlowPlan plan = plan_flows(fabric, devices(8), rounds, {});
  const std::vector<Seconds> reference = run(plan, FlowEngine::kSimGrid);
  for (const FlowEngine way : {FlowEngine::kFolded, FlowEngine::kEachFlow}) {
    const std::vector<Seconds> finish = run(plan, way);
    for (std::size_t rank = 0; rank < finish.size(); ++rank) EXPECT_NEAR(finish[rank] / reference[rank], 1, 1e-6);
  }
}

// A joint limit is a link without a bundle: it binds, and is not reported as one.
TEST(FlowJointLimits, BindButAreNoBundles) {
  const Fabric fabric = leaf_spine(false);
  FlowPlan plan = plan_flows(fabric, devices(8), {{{{0, 4, 1_MB}}, 1}}, {.siblings_active = false});
  const std::size_t bundles = plan.links.size();
  plan.links.push_back({{}, {}, 50_GBps, 1_MB});
  plan.path_links.push_back(static_cast<std::int32_t>(bundles));
  ++plan.paths.front().count;
  const FlowResult result = simulate_plan(fabric, plan);
  EXPECT_NEAR(result.time.value() * 1e6, 20 + 4, 1e-6);
  EXPECT_EQ(result.bytes.size(), bundles);
  EXPECT_TRUE(result.links.empty());
}

}  // namespace
}  // namespace supernode
