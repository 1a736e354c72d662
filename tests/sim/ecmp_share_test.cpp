// Hashed flows of a group whose sibling groups use the rest of each leaf, and hashed flows that change rail by PXN.
#include <gtest/gtest.h>

#include <cmath>

#include "sim/flow_plan.hpp"
#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

using namespace literals;

// 256 GPUs, 32 under each of eight leaves with 32 uplinks of 50 GB/s.
Fabric cluster(const std::string& choice, int flows = 1, int seed = 0) {
  return build_fabric(load_system("hgx-h100", {{"fabric.scale_out.rail_optimised", "false"},
                                               {"fabric.scale_out.path_choice", choice},
                                               {"fabric.scale_out.ecmp_flows", std::to_string(flows)},
                                               {"fabric.scale_out.ecmp_seed", std::to_string(seed)}}),
                      256);
}

// `count` GPUs under each leaf, in whole nodes' first places; everyone sends 1 MB to the next leaf's.
FlowPlan shifted(const Fabric& fabric, int count) {
  std::vector<DeviceId> members;
  Round round;
  for (int leaf = 0; leaf < 8; ++leaf)
    for (int i = 0; i < count; ++i) {
      const auto from = static_cast<std::int32_t>(members.size());
      members.push_back(device(32 * leaf + i));
      round.transfers.push_back({from, (from + count) % (8 * count), 1_MB});
    }
  return plan_flows(fabric, members, {round}, {});
}

// One member a leaf, with 31 siblings' flows over the same 32 uplinks: a link that B of them have hashed to leaves it
// 1 / (1 + B). B is binomial of 31 tries of 1/32, with mean 31/32. Over 200 seeds of 16 links (8 up, 8 down) the mean
// of the links' 1 / capacity is (1 + 31/32) of a link's, within 4 standard deviations of sqrt(31/32 / 3200).
TEST(EcmpShare, SiblingsFlowsAreOnTheSameLinks) {
  double sum = 0;
  int links = 0;
  for (int seed = 0; seed < 200; ++seed)
    for (const PlannedLink& link : shifted(cluster("ecmp", 1, seed), 1).links)
      sum += 50e9 / link.capacity.value(), ++links;
  // Of 8 members' routes the ports, NIC links and the like (no siblings: slowness 1) stand beside 16 shared ones.
  const double ports = links / 200.0 - 16;
  EXPECT_NEAR((sum / 200 - ports) / 16, 1 + 31.0 / 32, 4 * std::sqrt(31.0 / 32 / 3200));
}

// With many flows a message the links' loads even out: 4 members of 32 with 64 flows each put 8 +- 2.8 flows on each
// of 32 uplinks among 56 +- 7.4 of their siblings, so that what the fullest leaves falls short of a 1/8 by some
// deviations.
TEST(EcmpShare, ManyFlowsApproachSpraying) {
  const Seconds sprayed = bandwidth_floor(shifted(cluster("spray"), 4));
  const double one = bandwidth_floor(shifted(cluster("ecmp"), 4)) / sprayed;
  const double many = bandwidth_floor(shifted(cluster("ecmp", 64), 4)) / sprayed;
  EXPECT_GT(one, 2);
  EXPECT_GT(many, 1);
  EXPECT_LT(many, 1.6);
}

// A group that is all of its leaves has no siblings there.
TEST(EcmpShare, WholeLeavesHaveNoSiblings) {
  for (const PlannedLink& link : shifted(cluster("ecmp"), 32).links)
    EXPECT_TRUE(link.capacity == BytesPerSecond(50e9)) << link.capacity.value();
}

// 1 MB from GPU 0 to GPU 3 of the next node: over NVLink to GPU 3, sprayed, and out of its NIC.
TEST(EcmpShare, PxnSpraysItsNvlinks) {
  const Fabric fabric = build_fabric(
      load_system("hgx-h100", {{"fabric.scale_out.path_choice", "ecmp"}, {"fabric.scale_out.pxn", "true"}}), 16);
  Round round;
  round.transfers.push_back({0, 11, 1_MB});
  std::vector<DeviceId> members;
  for (int i = 0; i < 16; ++i) members.push_back(device(i));
  const FlowPlan plan = plan_flows(fabric, members, {round}, {});
  ASSERT_EQ(plan.links.size(), 6u);
  EXPECT_DOUBLE_EQ(plan.links[0].capacity.value(), 450e9);
  EXPECT_FALSE(plan.links[0].link.valid());
  EXPECT_NEAR(bandwidth_floor(plan).value(), 1e6 / 50e9, 1e-12);
}

}  // namespace
}  // namespace supernode
