// Faults: what goes down, which way routes take around it, and what is refused. Links of CloudMatrix are 28 GB/s; a die
// has 7 of them, an L1 chip 16 to the L2 chips of its sub-plane.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "base/random_draw.hpp"
#include "tests/topology/system_fixture.hpp"
#include "topology/apply_faults.hpp"
#include "topology/max_flow.hpp"

namespace supernode {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kLink = 28e9;

Fabric broken(const std::string& system, std::int64_t chips, Overrides faults) {
  return build_fabric(load_system(system, faults), chips);
}

double carried(const Fabric& fabric, BundleId bundle) { return fabric.bundle(bundle).bandwidth.value(); }

std::string complaint(const std::string& system, std::int64_t chips, const Overrides& faults) {
  try {
    broken(system, chips, faults);
  } catch (const FaultError& error) {
    return error.what();
  }
  return "nothing";
}

std::set<std::int32_t> links_down(const Fabric& fabric) {
  std::set<std::int32_t> down;
  for (std::int64_t i = 0; i < fabric.link_count(); ++i)
    if (fabric.link(LinkId(i)).share < 1) down.insert(static_cast<std::int32_t>(i));
  return down;
}

TEST(Faults, AHealthyFabricHasNone) {
  const Fabric fabric = broken("cloudmatrix-384", 16, {});
  EXPECT_FALSE(fabric.degraded());
  EXPECT_TRUE(fabric.fault_notes().empty());
  EXPECT_TRUE(fabric.joint_limits(fabric.route(device(0), device(20))).empty());
  EXPECT_EQ(fabric.fault_colour(device(3)), 0);
}

// One of 7 sub-planes: a port of 6 links, 6 · 16 paths between nodes, and everything evenly, so no joint limit.
TEST(Faults, APlaneDown) {
  const Fabric fabric = broken("cloudmatrix-384", 16, {{"faults.planes.scale_up", "1"}});
  const Route& route = fabric.route(device(0), device(20));
  EXPECT_EQ(route.bundles.size(), 4u);
  EXPECT_EQ(route.paths, 6 * 16);
  EXPECT_NEAR(carried(fabric, route.bundles[0]), 6 * kLink, 1);
  EXPECT_NEAR(fabric.bundle(route.bundles[0]).nominal.value(), 7 * kLink, 1);
  EXPECT_NEAR(fabric.port_bandwidth(device(0), Plane::kScaleUp).value(), 6 * kLink, 1);
  EXPECT_TRUE(fabric.joint_limits(route).empty());
  EXPECT_EQ(fabric.full_graph_paths(Plane::kScaleUp, device(0), device(20)).paths, 6 * 16);
}

TEST(Faults, ALinkByNameEitherWayRoundAndSlow) {
  for (const char* name : {"device0--node0.L1.2", "node0.L1.2--device0"}) {
    const Fabric fabric = broken("cloudmatrix-384", 16, {{"faults.links", std::string("[") + name + "]"}});
    EXPECT_NEAR(fabric.port_bandwidth(device(0), Plane::kScaleUp).value(), 6 * kLink, 1);
    EXPECT_NEAR(fabric.port_bandwidth(device(1), Plane::kScaleUp).value(), 7 * kLink, 1);
  }
  const Fabric slow = broken("cloudmatrix-384", 16, {{"faults.links", "[{link: node0.L1.2--device0, share: 0.25}]"}});
  EXPECT_NEAR(slow.port_bandwidth(device(0), Plane::kScaleUp).value(), 6.25 * kLink, 1);
  EXPECT_THAT(slow.fault_notes(), ElementsAre("link node0.L1.2--device0 at 25 % of its bandwidth"));
}

// Device 0 has lost sub-plane 1, device 20 sub-plane 2: five of seven are left for the two.
TEST(Faults, UnevenLossesLimitThePair) {
  const Fabric fabric =
      broken("cloudmatrix-384", 16, {{"faults.links", "[device0--node0.L1.1, device20--node1.L1.2]"}});
  const Route& route = fabric.route(device(0), device(20));
  EXPECT_EQ(route.paths, 5 * 16);
  double least = 1e30;
  for (const JointLimit& limit : fabric.joint_limits(route)) least = std::min(least, limit.capacity.value());
  EXPECT_NEAR(least, 5 * kLink, 1);
  const std::vector<DeviceId> a{device(0)}, b{device(20)};
  EXPECT_NEAR(max_flow(fabric, Plane::kScaleUp, a, b).value(), 5 * kLink, 1);
  EXPECT_TRUE(fabric.joint_limits(fabric.route(device(4), device(24))).empty());
}

// Two nodes that lost their links to different L2 chips share 110 of 112 ways; with a third each has its 111.
TEST(Faults, UplinksLostToDifferentChips) {
  const Fabric fabric = broken("cloudmatrix-384", 24,
                               {{"faults.links", "[node0.L1.0--supernode0.L2.0.3, node1.L1.0--supernode0.L2.0.5]"}});
  const auto limits = fabric.joint_limits(fabric.route(device(0), device(20)));
  ASSERT_EQ(limits.size(), 1u);
  EXPECT_NEAR(limits[0].capacity.value(), 110 * kLink, 1);
  const auto other_pair = fabric.joint_limits(fabric.route(device(5), device(31)));
  ASSERT_EQ(other_pair.size(), 1u);
  EXPECT_EQ(other_pair[0].key, limits[0].key) << "all devices of the two nodes share it";
  EXPECT_TRUE(fabric.joint_limits(fabric.route(device(0), device(40))).empty());
}

// A die without any port into the plane: over the die-to-die link and its sibling's port, which both now share.
TEST(Faults, RelayOverDieToDie) {
  Overrides faults{{"faults.links",
                    "[device0--node0.L1.0, device0--node0.L1.1, device0--node0.L1.2, device0--node0.L1.3, "
                    "device0--node0.L1.4, device0--node0.L1.5, device0--node0.L1.6]"}};
  const Fabric fabric = broken("cloudmatrix-384", 16, faults);
  const Route& out = fabric.route(device(0), device(20));
  const Route& sibling = fabric.route(device(1), device(20));
  ASSERT_EQ(out.bundles.size(), 5u);
  EXPECT_EQ(fabric.bundle(out.bundles[0]).plane, Plane::kLocal);
  EXPECT_EQ(out.bundles[1], sibling.bundles[0]);
  EXPECT_EQ(fabric.bundle(sibling.bundles[0]).devices_below, 2);
  EXPECT_EQ(fabric.bundle(fabric.route(device(20), device(0)).bundles.back()).plane, Plane::kLocal);
  EXPECT_NEAR(fabric.port_bandwidth(device(0), Plane::kScaleUp).value(), 3.5 * kLink, 1);
  const std::vector<DeviceId> a{device(0)}, b{device(20)};
  EXPECT_NEAR(max_flow(fabric, Plane::kScaleUp, a, b).value(), 7 * kLink, 1);
}

// Device 0 has sub-plane 0 alone, device 2 sub-plane 1 alone: no switch joins them, a sibling does.
TEST(Faults, SubPlanesThatNeverMeet) {
  std::string links = "[";
  for (int plane = 0; plane < 7; ++plane) {
    if (plane != 0) links += "device0--node0.L1." + std::to_string(plane) + ", ";
    if (plane != 1) links += "device2--node0.L1." + std::to_string(plane) + ", ";
  }
  const Fabric fabric = broken("cloudmatrix-384", 8, {{"faults.links", links + "]"}});
  const Route& route = fabric.route(device(0), device(2));
  EXPECT_EQ(route.plane, Plane::kScaleUp);
  ASSERT_EQ(route.bundles.size(), 3u);
  EXPECT_THROW(fabric.route_over(Plane::kScaleUp, device(0), device(2)), std::runtime_error);
  const auto limits = fabric.joint_limits(route);
  double least = 1e30;
  for (const BundleId id : route.bundles) least = std::min(least, carried(fabric, id));
  EXPECT_NEAR(least, kLink, 1);
}

// All NVSwitches of a node: its GPUs reach one another over their NICs.
TEST(Faults, ScaleOutStandsInForScaleUp) {
  const Fabric fabric = broken("hgx-h100", 16, {{"faults.planes.scale_up", "4"}});
  EXPECT_EQ(fabric.route(device(0), device(1)).plane, Plane::kScaleOut);
  const Fabric one = broken("hgx-h100", 16, {{"faults.switches", "[supernode0.nvswitch.1]"}});
  EXPECT_EQ(one.route(device(0), device(1)).plane, Plane::kScaleUp);
  EXPECT_EQ(one.route(device(0), device(1)).paths, 3);
  EXPECT_NEAR(one.port_bandwidth(device(0), Plane::kScaleUp).value(), 450e9 * 3 / 4, 1);
  EXPECT_NEAR(one.port_bandwidth(device(8), Plane::kScaleUp).value(), 450e9, 1);
}

// The chip next to it lends its NIC: 4 switches and a NIC wire for two.
TEST(Faults, ANicLost) {
  const Fabric fabric = broken("hgx-h100", 32, {{"faults.nics", "[nic3]"}});
  const Route& route = fabric.route(device(3), device(20));
  EXPECT_EQ(route.plane, Plane::kScaleOut);
  EXPECT_EQ(fabric.bundle(route.bundles[0]).plane, Plane::kScaleUp);
  EXPECT_NEAR(fabric.port_bandwidth(device(3), Plane::kScaleOut).value(), 25e9, 1);
  EXPECT_NEAR(fabric.port_bandwidth(device(4), Plane::kScaleOut).value(), 25e9, 1);
  EXPECT_NEAR(fabric.port_bandwidth(device(5), Plane::kScaleOut).value(), 50e9, 1);
  EXPECT_EQ(fabric.route(device(3), device(4)).plane, Plane::kScaleUp);
}

// A GPU that has lost a switch and its NIC still reaches its neighbours' NICs over the three switches left.
TEST(Faults, ANicAndASwitchLinkLost) {
  const Fabric fabric =
      broken("hgx-h100", 16, {{"faults.links", "[device9--supernode1.nvswitch.2]"}, {"faults.nics", "[nic9]"}});
  EXPECT_EQ(fabric.route(device(9), device(0)).plane, Plane::kScaleOut);
  EXPECT_EQ(fabric.route(device(0), device(9)).plane, Plane::kScaleOut);
}

TEST(Faults, ALeafUplinkLost) {
  const Overrides rail0{{"fabric.scale_out.leaf_ports", "16"}};
  const Fabric healthy = broken("hgx-h100", 256, rail0);
  const Route& whole = healthy.route(device(0), device(65));
  Overrides faults = rail0;
  faults.push_back({"faults.links", "[rail0_0.leaf--rail0_0.spine0]"});
  const Fabric fabric = broken("hgx-h100", 256, faults);
  const Route& route = fabric.route(device(0), device(65));
  EXPECT_EQ(route.bundles.size(), whole.bundles.size());
  EXPECT_LT(route.paths, whole.paths);
  EXPECT_EQ(route.paths, fabric.full_graph_paths(Plane::kScaleOut, device(0), device(65)).paths);
}

TEST(Faults, DeadChipsDrainTheirNodes) {
  const Overrides dead{{"faults.chips", "[5, 12, 6]"}, {"spare_nodes", "2"}};
  const SystemSpec spec = load_system("hgx-h100", dead);
  EXPECT_THAT(healthy_nodes(spec, 32), ElementsAre(2, 3, 4, 5));
  const Fabric fabric = build_fabric(spec, 32);
  EXPECT_EQ(fabric.device_count(), 6 * 8);
  EXPECT_EQ(fabric.port_bandwidth(device(5), Plane::kScaleUp).value(), 0);
  EXPECT_THAT(fabric.fault_notes(), Contains(HasSubstr("3 of 48 chips dead (5, 6, 12)")));
  EXPECT_THAT(fabric.fault_notes(), Contains(HasSubstr("2 nodes drained, 2 spare nodes built")));
  EXPECT_THAT(complaint("hgx-h100", 32, {{"faults.chips", "[5, 12, 6]"}}), HasSubstr("set spare_nodes: 2"));
  EXPECT_THAT(complaint("hgx-h100", 32, {{"faults.chips", "[5, 12, 6]"}}), HasSubstr("2 nodes (0, 1)"));
}

TEST(Faults, NamesThatDoNotExist) {
  const auto said = [](const std::string& key, const std::string& value) {
    return complaint("cloudmatrix-384", 16, {{key, value}});
  };
  EXPECT_THAT(said("faults.switches", "[supernode0.L2.0.33]"), HasSubstr("did you mean 'supernode0.L2.0.3'?"));
  EXPECT_THAT(said("faults.nics", "[nick3]"), HasSubstr("did you mean 'nic3'?"));
  EXPECT_THAT(said("faults.links", "[node0.L1.0--supernode0.L3.0.3]"), HasSubstr("'supernode0.L3.0.3'; did you mean"));
  EXPECT_THAT(said("faults.links", "[node0.L1.0--supernode0.L2.1.3]"), HasSubstr("is not linked to"));
  EXPECT_THAT(said("faults.links", "[node0]"), HasSubstr("joined by --"));
  EXPECT_THAT(said("faults.planes.scale_up", "[7]"), HasSubstr("no sub-plane 7"));
  EXPECT_THAT(said("faults.chips", "[16]"), HasSubstr("no chip 16"));
  EXPECT_THAT(said("faults.slow_chips", "[{chip: 16, speed: 0.5}]"), HasSubstr("no chip 16"));
  EXPECT_THAT(said("faults.nics", "17"), HasSubstr("17 NICs are to fail, but there are 16"));
}

TEST(Faults, CutOffDevicesAreRefused) {
  // The only NIC of a node with one chip left of it, in a mesh without relays.
  EXPECT_THAT(complaint("atlas-800t-a2", 16, {{"faults.nics", "[nic0, nic1, nic2, nic3, nic4, nic5, nic6, nic7]"}}),
              HasSubstr("are not connected"));
  EXPECT_THAT(complaint("atlas-800t-a2", 8, {{"faults.links", "[device0--device1]"}, {"faults.nics", "[nic0, nic1]"}}),
              "nothing");
  const Fabric fabric = broken("atlas-800t-a2", 8, {{"faults.links", "[device0--device1]"}});
  EXPECT_EQ(fabric.route(device(0), device(1)).plane, Plane::kScaleOut);
  EXPECT_EQ(fabric.route(device(0), device(2)).plane, Plane::kScaleUp);
}

TEST(Faults, DrawsAreNested) {
  for (const char* kind : {"links", "optics", "switches", "nics"}) {
    std::set<std::int32_t> before;
    for (const char* count : {"1", "2", "5", "9"}) {
      const Fabric fabric =
          broken("cloudmatrix-384", 384, {{std::string("faults.random.") + kind, count}, {"faults.random.seed", "7"}});
      const std::set<std::int32_t> now = links_down(fabric);
      EXPECT_TRUE(std::ranges::includes(now, before)) << kind;
      EXPECT_GT(now.size(), before.size()) << kind;
      before = now;
    }
  }
  EXPECT_EQ(draw(3, 100, 1, 0),
            (std::vector<std::int64_t>{draw(5, 100, 1, 0)[0], draw(5, 100, 1, 0)[1], draw(5, 100, 1, 0)[2]}));
  EXPECT_NE(draw(5, 100, 1, 0), draw(5, 100, 2, 0));
  EXPECT_NE(draw(5, 100, 1, 0), draw(5, 100, 1, 1));
}

// 5,376 modules at 2,688 cables of two links and 1,536 at 768 RDMA links.
TEST(Faults, ModulesTakeTheirCableDown) {
  const Fabric fabric = broken("cloudmatrix-384", 384, {{"faults.random.optics", "1"}, {"faults.random.seed", "3"}});
  ASSERT_EQ(fabric.fault_notes().size(), 1u);
  EXPECT_THAT(fabric.fault_notes()[0], HasSubstr("1 of 6,912 optical modules failed (seed 3): "));
  std::set<std::pair<std::int32_t, Plane>> ends;
  for (const std::int32_t i : links_down(fabric)) {
    const LinkView link = fabric.link(LinkId(i));
    EXPECT_EQ(link.spec.medium, Medium::kOptical);
    ends.insert({link.a.index, link.spec.plane});
  }
  EXPECT_EQ(ends.size(), 1u) << "the links of a cable leave one switch";
  EXPECT_EQ(links_down(fabric).size(), ends.begin()->second == Plane::kScaleUp ? 2u : 1u);
}

// The path of a route in a fabric with many faults carries what the graph says for it alone.
TEST(Faults, RoutesCarryWhatTheGraphDoes) {
  for (const char* seed : {"1", "2", "3"}) {
    const Fabric fabric = broken("cloudmatrix-384", 48, {{"faults.random.links", "250"}, {"faults.random.seed", seed}});
    for (int i = 0; i < 40; ++i) {
      const DeviceId a = device(i), b = device(95 - i);
      const Route& route = fabric.route(a, b);
      if (route.bundles.size() != 4) continue;  // a relay
      double least = 1e30;
      for (const BundleId id : route.bundles) least = std::min(least, carried(fabric, id));
      for (const JointLimit& limit : fabric.joint_limits(route)) least = std::min(least, limit.capacity.value());
      const std::vector<DeviceId> from{a}, to{b};
      EXPECT_NEAR(least, max_flow(fabric, Plane::kScaleUp, from, to).value(), 1) << seed << " " << i;
      EXPECT_EQ(route.paths, fabric.full_graph_paths(Plane::kScaleUp, a, b).paths);
    }
  }
}

// Colours tell nodes with a lost uplink from whole ones, and not one die of them from another.
TEST(Faults, ColoursGroupWhatIsHitAlike) {
  const Fabric fabric = broken("cloudmatrix-384", 24, {{"faults.links", "[node1.L1.0--supernode0.L2.0.3]"}});
  EXPECT_NE(fabric.fault_colour(device(16)), 0);
  EXPECT_EQ(fabric.fault_colour(device(16)), fabric.fault_colour(device(31)));
  EXPECT_EQ(fabric.fault_colour(device(0)), 0);
  EXPECT_EQ(fabric.fault_colour(device(32)), 0);
}

}  // namespace
}  // namespace supernode
