// The full mesh of an Atlas 800T A2 node: eight NPUs, each linked to the seven others at 28 GB/s a direction.
#include <gtest/gtest.h>

#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

TEST(Mesh, Census) {
  const Census census = build_fabric(load_system("atlas-800t-a2"), 24).census();
  EXPECT_EQ(census.vertices.at("device"), 24);
  EXPECT_EQ(census.vertices.at("cpu"), 12);
  EXPECT_EQ(census.links.at("scale_up/copper"), 3 * 8 * 7 / 2);  // pairs of a node, in 3 nodes
  EXPECT_EQ(census.vertices.count("switch:nvswitch"), 0u);
}

TEST(Mesh, TwoNpusOfANodeHaveOneLink) {
  const Fabric fabric = build_fabric(load_system("atlas-800t-a2"), 16);
  for (int to = 1; to < 8; ++to) {
    const Route& route = fabric.route(device(0), device(to));
    ASSERT_EQ(route.bundles.size(), 1u);
    EXPECT_EQ(route.plane, Plane::kScaleUp);
    EXPECT_EQ(route.paths, 1);
    EXPECT_DOUBLE_EQ(fabric.bundle(route.bundles[0]).bandwidth.value(), 28e9);
    EXPECT_EQ(fabric.bundle(route.bundles[0]).devices_below, 1);
    EXPECT_NEAR(route.latency.value(), 0.5e-6, 1e-15);
  }
  // A pair's two directions are apart, and so are two pairs.
  EXPECT_NE(fabric.route(device(0), device(1)).bundles, fabric.route(device(1), device(0)).bundles);
  EXPECT_NE(fabric.route(device(0), device(1)).bundles, fabric.route(device(0), device(2)).bundles);
}

TEST(Mesh, PortsAndTheWayOut) {
  const Fabric fabric = build_fabric(load_system("atlas-800t-a2"), 16);
  EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(3), Plane::kScaleUp).value(), 196e9);  // 7 links of 28 GB/s
  EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(3), Plane::kScaleOut).value(), 25e9);  // 200 Gbps
  // Rails: the same place in another node is one leaf away (NPU, NIC, leaf, NIC, NPU); another place needs the spine.
  const Route& same_rail = fabric.route(device(3), device(11));
  EXPECT_EQ(same_rail.plane, Plane::kScaleOut);
  EXPECT_EQ(same_rail.bundles.size(), 4u);
  EXPECT_EQ(fabric.route(device(3), device(12)).bundles.size(), 6u);
}

TEST(Mesh, FullGraphAgreesWithTheRoutes) {
  const Fabric fabric = build_fabric(load_system("atlas-800t-a2"), 16);
  const FullGraphPaths within = fabric.full_graph_paths(Plane::kScaleUp, device(2), device(6));
  EXPECT_EQ(within.hops, 1);
  EXPECT_EQ(within.paths, 1);
  // NPUs do not forward: no way to another node over HCCS.
  EXPECT_THROW(fabric.route_over(Plane::kScaleUp, device(2), device(9)), std::runtime_error);
}

// Of two dies a chip each links to the dies of the other chips only; siblings have their own link.
TEST(Mesh, DiesOfOneChip) {
  const std::string die = "{value: 270 GB/s, source: made up, confidence: assumed}";
  const std::string latency = "{value: 0.2 us, source: made up, confidence: assumed}";
  const SystemSpec spec = load_system("atlas-800t-a2", {{"devices_per_chip", "2"},
                                                        {"chips_per_node", "4"},
                                                        {"fabric.die_to_die.bandwidth", die},
                                                        {"fabric.die_to_die.latency", latency}});
  const Fabric fabric = build_fabric(spec, 4);
  EXPECT_EQ(fabric.census().links.at("scale_up/copper"), (8 * 7 - 4 * 2) / 2);
  EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(0), Plane::kScaleUp).value(), 98e9);  // half of the chip's 196
  EXPECT_EQ(fabric.route(device(0), device(1)).plane, Plane::kLocal);
  // 98 GB/s over the 6 dies of the 3 other chips.
  EXPECT_DOUBLE_EQ(fabric.bundle(fabric.route(device(0), device(2)).bundles[0]).bandwidth.value(), 98e9 / 6);
}

}  // namespace
}  // namespace supernode
