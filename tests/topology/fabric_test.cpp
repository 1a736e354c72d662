// The fabric itself, on graphs small enough to count by hand.
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

using namespace literals;

constexpr LinkSpec kUp{10_GBps, 1_us, Medium::kCopper, Plane::kScaleUp, 0};

// `devices` on each of two switches a side; the sides joined by one spine tier of three. All of one supernode.
Fabric two_sides(int devices, LinkSpec trunk = kUp) {
  Fabric fabric;
  std::vector<VertexId> spines;
  for (int i = 0; i < 3; ++i) spines.push_back(fabric.add_vertex(VertexKind::kSwitch, "spine", "top.spine"));
  for (int side = 0; side < 2; ++side) {
    std::vector<VertexId> own;
    for (int i = 0; i < devices; ++i) {
      own.push_back(fabric.vertex(fabric.add_device("d" + std::to_string(side * devices + i), {i, side, 0})));
    }
    for (int i = 0; i < 2; ++i) {
      const VertexId leaf = fabric.add_vertex(VertexKind::kSwitch, "leaf", "side" + std::to_string(side) + ".leaf");
      for (const VertexId d : own) fabric.connect(d, leaf, kUp);
      for (const VertexId spine : spines) fabric.connect(leaf, spine, trunk);
    }
  }
  fabric.seal();
  return fabric;
}

TEST(Fabric, BundlesSumTheirLinks) {
  const Fabric fabric = two_sides(4);
  const Route& route = fabric.route(device(0), device(4));
  ASSERT_EQ(route.bundles.size(), 4u);  // device, leaf tier, spine tier, leaf tier, device
  const Bundle& port = fabric.bundle(route.bundles[0]);
  EXPECT_EQ(port.links, 2);
  EXPECT_EQ(port.bandwidth, 20_GBps);
  EXPECT_EQ(port.devices_below, 1);
  const Bundle& trunk = fabric.bundle(route.bundles[1]);
  EXPECT_EQ(trunk.links, 2 * 3);
  EXPECT_EQ(trunk.bandwidth, 60_GBps);
  EXPECT_EQ(trunk.devices_below, 4);
  EXPECT_EQ(fabric.bundle(route.bundles[2]).devices_below, 4);
  EXPECT_EQ(route.latency, 4_us);
  EXPECT_EQ(route.paths, 2 * 3 * 2);  // leaf, spine, leaf
  EXPECT_EQ(fabric.link_count(), 2 * (4 * 2 + 2 * 3));
  EXPECT_EQ(fabric.bundle_count(), 2 * (8 + 2));  // each direction: a device's port, a side's trunk
}

TEST(Fabric, ShortestWayStaysBelowTheSpine) {
  const Fabric fabric = two_sides(4);
  const Route& route = fabric.route(device(0), device(1));
  EXPECT_EQ(route.bundles.size(), 2u);
  EXPECT_EQ(route.paths, 2);
  EXPECT_EQ(route.plane, Plane::kScaleUp);
}

TEST(Fabric, FewestHopsWinEvenWhenSlower) {
  Fabric fabric;
  const DeviceId a = fabric.add_device("a", {}), b = fabric.add_device("b", {1, 0, 0});
  LinkSpec slow = kUp;
  slow.latency = 50_us;
  const VertexId hub = fabric.add_vertex(VertexKind::kSwitch, "hub", "x.hub");
  fabric.connect(fabric.vertex(a), hub, kUp);
  fabric.connect(hub, fabric.vertex(b), kUp);
  fabric.connect(fabric.vertex(a), fabric.vertex(b), slow);
  fabric.seal();
  EXPECT_EQ(fabric.route(a, b).bundles.size(), 1u);
  EXPECT_EQ(fabric.route(a, b).latency, 50_us);
}

TEST(Fabric, EqualHopsAreDecidedByLatency) {
  Fabric fabric;
  const DeviceId a = fabric.add_device("a", {}), b = fabric.add_device("b", {1, 0, 0});
  for (const Seconds latency : {3_us, 1_us, 2_us}) {
    LinkSpec link = kUp;
    link.latency = latency;
    const std::string name = "hub" + std::to_string(latency.value());
    const VertexId hub = fabric.add_vertex(VertexKind::kSwitch, name, name);
    fabric.connect(fabric.vertex(a), hub, link);
    fabric.connect(hub, fabric.vertex(b), link);
  }
  fabric.seal();
  EXPECT_EQ(fabric.route(a, b).latency, 2_us);
  EXPECT_EQ(fabric.route(a, b).paths, 1);
}

TEST(Fabric, DevicesAndCpusDoNotForward) {
  Fabric fabric;
  const DeviceId a = fabric.add_device("a", {}), b = fabric.add_device("b", {}), c = fabric.add_device("c", {});
  const VertexId cpu = fabric.add_vertex(VertexKind::kCpu, "cpu", "cpu");
  fabric.connect(fabric.vertex(a), fabric.vertex(b), kUp);
  fabric.connect(fabric.vertex(b), fabric.vertex(c), kUp);
  fabric.connect(fabric.vertex(a), cpu, kUp);
  fabric.connect(cpu, fabric.vertex(c), kUp);
  fabric.seal();
  EXPECT_EQ(fabric.route_over(Plane::kScaleUp, a, b).bundles.size(), 1u);
  EXPECT_THROW(fabric.route_over(Plane::kScaleUp, a, c), std::runtime_error);
  EXPECT_THROW(fabric.full_graph_paths(Plane::kScaleUp, a, c), std::runtime_error);
}

TEST(Fabric, AnotherPlaneIsNoWay) {
  const Fabric fabric = two_sides(2);
  EXPECT_THROW(fabric.route_over(Plane::kScaleOut, device(0), device(1)), std::runtime_error);
}

TEST(Fabric, RoutesAreCachedAndStay) {
  const Fabric fabric = two_sides(8);
  const Route* first = &fabric.route(device(0), device(9));
  for (int i = 1; i < 16; ++i) fabric.route(device(0), device(i));
  EXPECT_EQ(first, &fabric.route(device(0), device(9)));
}

TEST(Fabric, FingerprintFollowsContent) {
  LinkSpec fat = kUp;
  fat.bandwidth *= 2;
  EXPECT_EQ(two_sides(4).fingerprint(), two_sides(4).fingerprint());
  EXPECT_NE(two_sides(4).fingerprint(), two_sides(5).fingerprint());
  EXPECT_NE(two_sides(4).fingerprint(), two_sides(4, fat).fingerprint());
}

TEST(FabricDeathTest, SealRefusesUnevenBundles) {
  const auto uneven = [] {
    Fabric fabric;
    const DeviceId a = fabric.add_device("a", {});
    const VertexId l0 = fabric.add_vertex(VertexKind::kSwitch, "l0", "t.leaf");
    const VertexId l1 = fabric.add_vertex(VertexKind::kSwitch, "l1", "t.leaf");
    const VertexId l2 = fabric.add_vertex(VertexKind::kSwitch, "l2", "t.leaf");
    fabric.connect(fabric.vertex(a), l0, kUp);
    fabric.connect(fabric.vertex(a), l1, kUp);
    fabric.connect(fabric.vertex(a), l1, kUp);
    fabric.connect(fabric.vertex(a), l2, kUp);
    fabric.seal();
  };
  EXPECT_DEATH(uneven(), "vertices of a tier differ");
}

TEST(FabricDeathTest, SealRefusesUnlikeLinks) {
  const auto unlike = [] {
    Fabric fabric;
    const DeviceId a = fabric.add_device("a", {});
    LinkSpec thin = kUp;
    thin.bandwidth /= 2;
    fabric.connect(fabric.vertex(a), fabric.add_vertex(VertexKind::kSwitch, "l0", "t.leaf"), kUp);
    fabric.connect(fabric.vertex(a), fabric.add_vertex(VertexKind::kSwitch, "l1", "t.leaf"), thin);
    fabric.seal();
  };
  EXPECT_DEATH(unlike(), "differ in bandwidth");
}

}  // namespace
}  // namespace supernode
