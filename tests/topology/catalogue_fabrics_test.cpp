// The catalogue's composed systems, and clusters of tens of thousands of chips, counted by hand.
#include <gtest/gtest.h>

#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

// 128 cabinets of 64 NPUs: 64 x 14 / 2 mesh links and 64 x 4 ports up each; 4 LRS a cabinet x 64 HRS of their plane.
TEST(Atlas950, Census) {
  const Fabric fabric = build_fabric(load_system("atlas-950"), 8192);
  const Census census = fabric.census();
  EXPECT_EQ(census.vertices.at("switch:LRS"), 128 * 4);
  EXPECT_EQ(census.vertices.at("switch:HRS"), 256);
  EXPECT_EQ(census.links.at("scale_up/copper"), 128 * (64 * 14 / 2 + 64 * 4));
  EXPECT_EQ(census.links.at("scale_up/optical"), 128 * 4 * 64);
}

// Of 840 GB/s over 72 lanes: 4 lanes to a neighbour, 16 up, 4 x 256 out of a cabinet.
TEST(Atlas950, LanesAndRoutes) {
  const Fabric fabric = build_fabric(load_system("atlas-950"), 256);
  const double lane = 840e9 / 72;
  EXPECT_NEAR(fabric.port_bandwidth(device(0), Plane::kScaleUp).value(), 72 * lane, 1e7);
  const auto bandwidth = [&](const Route& route, std::size_t hop) {
    return fabric.bundle(route.bundles[hop]).bandwidth.value();
  };
  const Route& board = fabric.route(device(0), device(5));
  ASSERT_EQ(board.bundles.size(), 1u);
  EXPECT_NEAR(bandwidth(board, 0), 4 * lane, 1e6);
  EXPECT_EQ(fabric.route(device(0), device(63)).bundles.size(), 2u);
  const Route& cabinets = fabric.route(device(0), device(255));
  ASSERT_EQ(cabinets.bundles.size(), 4u);
  EXPECT_NEAR(bandwidth(cabinets, 0), 16 * lane, 1e6);
  EXPECT_NEAR(bandwidth(cabinets, 1), 1024 * lane, 1e7);
  EXPECT_EQ(fabric.bundle(cabinets.bundles[1]).devices_below, 64);
  EXPECT_EQ(cabinets.paths, 4 * 64);
  EXPECT_NEAR(cabinets.latency.value(), 2.1e-6, 1e-15);
}

// A plane of switches lost: the mesh stays whole, and the way up has three of its four ports.
TEST(Atlas950, LosesAPlaneOfSwitches) {
  const Fabric fabric = build_fabric(load_system("atlas-950", {{"faults.planes", "{scale_up: 1}"}}), 128);
  EXPECT_EQ(fabric.route(device(0), device(63)).bundles.size(), 2u);
  const Route& cabinets = fabric.route(device(0), device(127));
  ASSERT_EQ(cabinets.bundles.size(), 4u);
  EXPECT_EQ(cabinets.paths, 3 * 64);
  EXPECT_NEAR(fabric.bundle(cabinets.bundles[0]).bandwidth.value(), 12 * 840e9 / 72, 1e6);
}

// A mesh link lost: over another NPU of the board, or a switch, two hops.
TEST(Atlas950, LosesAMeshLink) {
  const Fabric fabric = build_fabric(load_system("atlas-950", {{"faults.links", "[device0--device5]"}}), 64);
  EXPECT_EQ(fabric.route(device(0), device(5)).bundles.size(), 2u);
  EXPECT_EQ(fabric.route(device(0), device(4)).bundles.size(), 1u);
}

// Three rings of 8 through each of 512 chips, of whose links every fourth leaves a cube.
TEST(TpuV5p, Slice) {
  const Fabric fabric = build_fabric(load_system("tpu-v5p"), 512);
  EXPECT_EQ(fabric.census().links.at("scale_up/copper"), 3 * 512 * 3 / 4);
  EXPECT_EQ(fabric.census().links.at("scale_up/optical"), 3 * 512 / 4);
  EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(77), Plane::kScaleUp).value(), 600e9);
  EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(77), Plane::kScaleOut).value(), 6.25e9);
  EXPECT_EQ(fabric.route(device(0), device(4 + 8 * 4 + 64 * 4)).bundles.size(), 12u);
}

// 49,920 chips are 130 supernodes of 48 nodes.
TEST(LargeClusters, CloudMatrices) {
  const Fabric fabric = build_fabric(load_system("cloudmatrix-384"), 49920);
  const Census census = fabric.census();
  EXPECT_EQ(census.vertices.at("device"), 2 * 49920);
  EXPECT_EQ(census.vertices.at("switch:L1"), 130 * 336);
  EXPECT_EQ(census.vertices.at("switch:L2"), 130 * 112);
  EXPECT_EQ(census.links.at("scale_up/optical"), 130 * 5376);
  EXPECT_EQ(fabric.route(device(0), device(2 * 49920 - 1)).plane, Plane::kScaleOut);
}

TEST(LargeClusters, Nvl72Racks) {
  const Fabric fabric = build_fabric(load_system("gb200-nvl72"), 13824);
  EXPECT_EQ(fabric.census().vertices.at("switch:nvswitch"), 192 * 18);
  EXPECT_EQ(fabric.census().links.at("scale_up/copper"), 13824 * 18);
}

}  // namespace
}  // namespace supernode
