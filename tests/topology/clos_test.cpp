// The scale-out plane: sizes of its tiers, and what joins what.
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "tests/topology/system_fixture.hpp"
#include "topology/clos_builder.hpp"

namespace supernode {
namespace {

TEST(ClosShape, OneNodeHasLeavesAndOneSpine) {
  const ClosShape shape = clos_shape(load_system("hgx-h100"), 1);
  EXPECT_EQ(shape.leaves_per_rail, 1);
  EXPECT_EQ(shape.nics_per_leaf, 1);
  EXPECT_EQ(shape.spines_per_pod, 1);
  EXPECT_FALSE(shape.has_core);
}

// DGX SuperPOD H100, one scalable unit: 32 nodes on 8 leaves; 8 x 32 uplinks fill 4 spines of 64 ports.
TEST(ClosShape, OneScalableUnit) {
  const ClosShape shape = clos_shape(load_system("hgx-h100"), 32);
  EXPECT_EQ(shape.leaves_per_pod, 8);
  EXPECT_EQ(shape.spines_per_pod, 4);
}

// The largest two-tier plane of 64-port switches: 64 leaves of 32, 32 spines.
TEST(ClosShape, TwoTiersEndAt2048) {
  const ClosShape last = clos_shape(load_system("hgx-h100"), 256);
  EXPECT_FALSE(last.has_core);
  EXPECT_EQ(last.leaves_per_pod, 64);
  EXPECT_EQ(last.spines_per_pod, 32);
  EXPECT_TRUE(clos_shape(load_system("hgx-h100"), 257).has_core);
}

// 2,048 nodes: each rail has 64 leaves in 2 pods of 32; 16 pods; a pod's 32 spines have 32 uplinks; a core switch
// takes 4 links of one spine of each of the 16 pods, so 8 cores a spine and 256 in all.
TEST(ClosShape, SixteenThousandGpus) {
  const ClosShape shape = clos_shape(load_system("hgx-h100"), 2048);
  EXPECT_TRUE(shape.has_core);
  EXPECT_EQ(shape.leaves_per_pod, 32);
  EXPECT_EQ(shape.pods, 16);
  EXPECT_EQ(shape.spines_per_pod, 32);
  EXPECT_EQ(shape.uplinks_per_spine, 32);
  EXPECT_EQ(shape.cores_per_spine, 8);
}

TEST(ClosShape, RefusesMoreThanThreeTiers) {
  EXPECT_NO_THROW(clos_shape(load_system("hgx-h100"), 8192));
  EXPECT_THROW(clos_shape(load_system("hgx-h100"), 8193), std::invalid_argument);
}

// No switch has more ports in use than it has, a leaf at most half of them down, and nothing is left unattached.
TEST(ClosShape, PortsAreRespectedForAllSizes) {
  for (const char* rails : {"true", "false"}) {
    for (const char* name : {"hgx-h100", "hgx-a100", "gb200-nvl72", "cloudmatrix-384"}) {
      const SystemSpec spec = load_system(name, {{"fabric.scale_out.rail_optimised", rails}});
      const std::int64_t ports = spec.scale_out.leaf_ports.value;
      // Leaves of whole nodes waste ports: 16 of 20 with 40-port switches, so 4/5 of ports^3 / 4 always fits.
      const std::int64_t most = std::min<std::int64_t>(2000, ports * ports * ports / 5 / spec.chips_per_node);
      for (std::int64_t nodes = 1; nodes <= most; nodes = nodes * 9 / 8 + 1) {
        const ClosShape s = clos_shape(spec, nodes);
        ASSERT_LE(s.nics_per_leaf, ports / 2);
        ASSERT_GE(s.leaves_per_rail * s.nics_per_leaf, s.nics_per_rail);
        ASSERT_LT((s.leaves_per_rail - 1) * s.nics_per_leaf, s.nics_per_rail);
        const std::int64_t down = s.spines_per_pod ? s.leaves_per_pod * s.nics_per_leaf / s.spines_per_pod : 0;
        ASSERT_LE(down + s.uplinks_per_spine, ports) << name << nodes;
        if (s.has_core) {
          ASSERT_LE(s.pods * s.uplinks_per_spine / s.cores_per_spine, ports);
          ASSERT_EQ(s.uplinks_per_spine, down);
        }
      }
    }
  }
}

TEST(ScaleOut, SameLeafSameRailOtherRail) {
  const Fabric fabric = build_fabric(load_system("hgx-h100"), 64 * 8);  // two units of 32 nodes
  const Route& same_leaf = fabric.route(device(0), device(8));
  EXPECT_EQ(same_leaf.bundles.size(), 4u);
  EXPECT_EQ(same_leaf.paths, 1);
  EXPECT_EQ(fabric.bundle(same_leaf.bundles[1]).devices_below, 1);
  const Route& same_rail = fabric.route(device(0), device(32 * 8));
  const Route& other_rail = fabric.route(device(0), device(8 + 1));
  for (const Route* route : {&same_rail, &other_rail}) {
    EXPECT_EQ(route->bundles.size(), 6u);
    // 16 leaves x 32 uplinks fill 8 spines: 8 spines, 4 parallel links up and 4 down.
    EXPECT_EQ(route->paths, 8 * 4 * 4);
    const Bundle& trunk = fabric.bundle(route->bundles[2]);
    EXPECT_EQ(trunk.links, 32);
    EXPECT_EQ(trunk.devices_below, 32);
    EXPECT_DOUBLE_EQ(trunk.bandwidth.value(), 32 * 50e9);
  }
}

TEST(ScaleOut, ThroughTheCore) {
  const Fabric fabric = build_fabric(load_system("hgx-h100"), 16384);
  EXPECT_EQ(fabric.census().vertices.at("switch:leaf"), 8 * 64);
  EXPECT_EQ(fabric.census().vertices.at("switch:spine"), 16 * 32);
  EXPECT_EQ(fabric.census().vertices.at("switch:core"), 256);
  EXPECT_EQ(fabric.route(device(0), device(8 * 1023)).bundles.size(), 6u);  // same rail, same pod
  const Route& far = fabric.route(device(0), device(8 * 1024));             // same rail, other pod
  EXPECT_EQ(far.bundles.size(), 8u);
  EXPECT_EQ(far.paths, 32LL * 32 * 4);  // spine, its uplink, and one of 4 links down to the spine; one to the leaf
  EXPECT_EQ(fabric.bundle(far.bundles[3]).devices_below, 1024);
  EXPECT_DOUBLE_EQ(fabric.bundle(far.bundles[3]).bandwidth.value(), 1024 * 50e9);
  EXPECT_EQ(fabric.route(device(0), device(8 * 5 + 3)).bundles.size(), 8u);  // other rail
}

TEST(ScaleOut, OversubscriptionThinsTheTrunksOnly) {
  const Overrides seven = {{"fabric.scale_out.oversubscription", "7"}};
  const Fabric fabric = build_fabric(load_system("hgx-h100", seven), 512);
  const Route& route = fabric.route(device(0), device(256));
  EXPECT_DOUBLE_EQ(fabric.bundle(route.bundles[1]).bandwidth.value(), 50e9);
  EXPECT_DOUBLE_EQ(fabric.bundle(route.bundles[2]).bandwidth.value(), 32 * 50e9 / 7);
  EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(0), Plane::kScaleOut).value(), 50e9);
}

TEST(ScaleOut, WithoutRailsALeafHoldsWholeNodes) {
  const Overrides flat = {{"fabric.scale_out.rail_optimised", "false"}};
  const Fabric fabric = build_fabric(load_system("hgx-h100", flat), 64);
  EXPECT_EQ(fabric.census().vertices.at("switch:leaf"), 2);  // 8 nodes, at most 4 on a leaf
  EXPECT_EQ(fabric.route(device(0), device(31)).bundles.size(), 4u);
  EXPECT_EQ(fabric.route(device(0), device(32)).bundles.size(), 6u);
}

}  // namespace
}  // namespace supernode
