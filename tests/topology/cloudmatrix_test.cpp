// CloudMatrix 384 as built (arXiv 2506.12708v2): how many of everything, and routes by hand algebra.
#include <gtest/gtest.h>

#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

using namespace literals;

const Fabric& one_supernode() {
  static const Fabric fabric = build_fabric(load_system("cloudmatrix-384"), 384);
  return fabric;
}

const Fabric& four_supernodes() {
  static const Fabric fabric = build_fabric(load_system("cloudmatrix-384"), 4 * 384);
  return fabric;
}

void expect_near(Seconds actual, double expected_us) { EXPECT_NEAR(actual.value() * 1e6, expected_us, 1e-9); }

TEST(CloudMatrix, Vertices) {
  const Census census = one_supernode().census();
  EXPECT_EQ(census.vertices.at("device"), 768);
  EXPECT_EQ(census.vertices.at("chip"), 384);
  EXPECT_EQ(census.vertices.at("cpu"), 192);
  EXPECT_EQ(census.vertices.at("switch:L1"), 48 * 7);
  EXPECT_EQ(census.vertices.at("switch:L2"), 7 * 16);
  EXPECT_EQ(census.vertices.at("nic"), 384 + 48);  // RDMA, and one VPC card a node
}

// Counted: links of 28 GB/s. A 400G UB cable carries two of them: 48 nodes x 56 ports = 2,688 cables.
TEST(CloudMatrix, UbLinks) {
  const Census census = one_supernode().census();
  EXPECT_EQ(census.links.at("scale_up/optical"), 336 * 16);
  EXPECT_EQ(census.links.at("scale_up/optical") / 2, 48 * 56);
  EXPECT_EQ(census.links.at("scale_up/copper"), (768 + 192) * 7);
  EXPECT_EQ(census.links.at("local/on_package"), 384);
}

// SemiAnalysis: 6,912 400G modules, 5,376 of them in the UB plane. A module ends a UB cable of two links or one
// 400 Gbps scale-out link.
TEST(CloudMatrix, OpticalModules) {
  const Census census = one_supernode().census();
  const std::int64_t ub = 2 * census.links.at("scale_up/optical") / 2;
  const std::int64_t rdma = 2 * census.links.at("scale_out/optical");
  EXPECT_EQ(ub, 5376);
  EXPECT_EQ(rdma, 1536);
  EXPECT_EQ(ub + rdma, 6912);
}

TEST(CloudMatrix, Ports) {
  const Fabric& fabric = one_supernode();
  for (const std::int64_t i : {0, 1, 400, 767}) {
    EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(i), Plane::kScaleUp).value(), 196e9);
    EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(i), Plane::kScaleOut).value(), 25e9);  // half of 400 Gbps
    EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(i), Plane::kLocal).value(), 270e9);
    EXPECT_EQ(fabric.port_bandwidth(device(i), Plane::kVpc), BytesPerSecond(0));
  }
}

TEST(CloudMatrix, Places) {
  const Fabric& fabric = four_supernodes();
  const DevicePlace& last = fabric.place(device(4 * 768 - 1));
  EXPECT_EQ(last.chip, 4 * 384 - 1);
  EXPECT_EQ(last.node, 4 * 48 - 1);
  EXPECT_EQ(last.supernode, 3);
  EXPECT_EQ(fabric.place(device(768)).supernode, 1);
  EXPECT_EQ(fabric.place(device(17)).chip, 8);
}

TEST(CloudMatrix, SiblingDiesUseThePackage) {
  const Route& route = one_supernode().route(device(0), device(1));
  ASSERT_EQ(route.bundles.size(), 1u);
  EXPECT_EQ(route.plane, Plane::kLocal);
  EXPECT_DOUBLE_EQ(one_supernode().bundle(route.bundles[0]).bandwidth.value(), 270e9);
  expect_near(route.latency, 0.2);
}

TEST(CloudMatrix, EveryOtherPairOfANodeHasSevenPaths) {
  const Fabric& fabric = one_supernode();
  for (int a = 0; a < 16; ++a) {
    for (int b = 0; b < 16; ++b) {
      if (a / 2 == b / 2) continue;
      const Route& route = fabric.route(device(a), device(b));
      EXPECT_EQ(route.paths, 7);
      EXPECT_EQ(route.bundles.size(), 2u);
      expect_near(route.latency, 0.5);
    }
  }
}

TEST(CloudMatrix, BetweenNodes) {
  const Fabric& fabric = one_supernode();
  const Route& route = fabric.route(device(3), device(700));
  ASSERT_EQ(route.bundles.size(), 4u);
  EXPECT_EQ(route.paths, 7 * 16);
  expect_near(route.latency, 2 * 0.25 + 2 * 0.35);
  // CM384 Table 1: reads between nodes take 0.7 us longer than reads within one.
  expect_near(route.latency - fabric.route(device(3), device(5)).latency, 0.7);
  const Bundle& up = fabric.bundle(route.bundles[1]);
  EXPECT_EQ(up.links, 7 * 16);
  EXPECT_DOUBLE_EQ(up.bandwidth.value(), 7 * 448e9);
  EXPECT_EQ(up.devices_below, 16);
  // Non-blocking: the node's uplinks carry what its dies can send.
  EXPECT_DOUBLE_EQ(up.bandwidth.value(), 16 * fabric.port_bandwidth(device(0), Plane::kScaleUp).value());
}

TEST(CloudMatrix, BetweenSupernodes) {
  const Fabric& fabric = four_supernodes();
  const Route& same_rail = fabric.route(device(0), device(768 + 16 * 20));  // chip 0 of both nodes
  EXPECT_EQ(same_rail.plane, Plane::kScaleOut);
  ASSERT_EQ(same_rail.bundles.size(), 4u + 2u);  // die, NIC, leaf, spine, leaf, NIC, die
  expect_near(same_rail.latency, 6 * 0.25);
  EXPECT_EQ(fabric.bundle(same_rail.bundles[0]).plane, Plane::kLocal);
  EXPECT_EQ(fabric.bundle(same_rail.bundles[0]).devices_below, 1);
  EXPECT_EQ(fabric.bundle(same_rail.bundles[1]).devices_below, 2);
  EXPECT_DOUBLE_EQ(fabric.bundle(same_rail.bundles[1]).bandwidth.value(), 50e9);
  const Bundle& trunk = fabric.bundle(same_rail.bundles[2]);
  EXPECT_EQ(trunk.links, 64);  // 192 nodes over three leaves a rail
  EXPECT_EQ(trunk.devices_below, 128);
}

TEST(CloudMatrix, RdmaInsideASupernodeIsAChoice) {
  const Route route = one_supernode().route_over(Plane::kScaleOut, device(0), device(16));
  EXPECT_EQ(route.plane, Plane::kScaleOut);
  EXPECT_EQ(route.bundles.size(), 4u);  // die, NIC, the rail's one leaf, NIC, die
  EXPECT_EQ(one_supernode().route(device(0), device(16)).plane, Plane::kScaleUp);
}

TEST(CloudMatrix, DevicesAreNotOnTheVpc) {
  EXPECT_THROW(one_supernode().route_over(Plane::kVpc, device(0), device(16)), std::runtime_error);
}

TEST(CloudMatrix, PartOfASupernodeKeepsItsSecondTier) {
  const Fabric fabric = build_fabric(load_system("cloudmatrix-384"), 10);  // two nodes
  EXPECT_EQ(fabric.device_count(), 32);
  EXPECT_EQ(fabric.census().vertices.at("switch:L2"), 112);
  EXPECT_EQ(fabric.route(device(0), device(31)).paths, 7 * 16);
}

TEST(CloudMatrix, FewerSubPlanesKeepTheSum) {
  const Fabric fabric = build_fabric(load_system("cloudmatrix-384", {{"fabric.scale_up.sub_planes", "4"}}), 16);
  EXPECT_DOUBLE_EQ(fabric.port_bandwidth(device(0), Plane::kScaleUp).value(), 196e9);
  EXPECT_EQ(fabric.route(device(0), device(16)).paths, 4 * 16);
}

}  // namespace
}  // namespace supernode
