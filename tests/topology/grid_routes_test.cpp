// Dimension-order routes on grids of devices, against breadth-first search of the full graph and hand counts.
#include <map>
#include <random>

#include "tests/topology/composed_fixture.hpp"

namespace supernode {
namespace {

std::string mesh(int size) {
  return fmt::format("- {{kind: full_mesh, size: {}, bandwidth: 50 GB/s, latency: 0.5 us}}\n", size);
}
std::string ring(int size) {
  return fmt::format("- {{kind: torus, size: {}, bandwidth: 100 GB/s, latency: 1 us}}\n", size);
}

// "device0 > device4, device4 > device5".
std::string way(const Fabric& fabric, int from, int to) {
  std::string text;
  for (const BundleId id : fabric.route(device(from), device(to)).bundles)
    text += (text.empty() ? "" : ", ") + fabric.bundle_name(id);
  return text;
}

struct Case {
  std::string layers;
  int devices = 0, diameter = 0;
};

class AnyGrid : public testing::TestWithParam<Case> {};

// Each hop leaves where the last one arrived, and none is longer than the search finds.
TEST_P(AnyGrid, RoutesAreChainsAsShortAsTheGraphs) {
  const Fabric fabric = build_composed(GetParam().layers, GetParam().devices);
  std::mt19937_64 generator(11);
  for (int i = 0; i < 150; ++i) {
    const auto a = static_cast<std::int64_t>(generator() % GetParam().devices);
    const auto b = static_cast<std::int64_t>(generator() % GetParam().devices);
    if (a == b) continue;
    const Route& route = fabric.route(device(a), device(b));
    EXPECT_EQ(std::ssize(route.bundles), fabric.full_graph_paths(Plane::kScaleUp, device(a), device(b)).hops);
    std::string at = fmt::format("device{}", a);
    double latency = 0;
    for (const BundleId id : route.bundles) {
      const std::string name = fabric.bundle_name(id);
      ASSERT_TRUE(name.starts_with(at + " > ")) << name << " after " << at;
      at = name.substr(at.size() + 3);
      latency += fabric.bundle(id).latency.value();
      EXPECT_EQ(fabric.bundle(id).devices_below, 1);
    }
    EXPECT_EQ(at, fmt::format("device{}", b));
    EXPECT_NEAR(route.latency.value(), latency, 1e-15);
    EXPECT_EQ(route.plane, Plane::kScaleUp);
  }
}

// Half of each ring, one hop of each mesh.
TEST_P(AnyGrid, Diameter) {
  const Fabric fabric = build_composed(GetParam().layers, GetParam().devices);
  std::size_t longest = 0;
  for (int to = 1; to < GetParam().devices; ++to)
    longest = std::max(longest, fabric.route(device(0), device(to)).bundles.size());
  EXPECT_EQ(static_cast<int>(longest), GetParam().diameter);
}

INSTANTIATE_TEST_SUITE_P(Grids, AnyGrid,
                         testing::Values(Case{ring(4) + ring(4) + ring(4), 64, 2 + 2 + 2},
                                         Case{ring(5) + ring(3), 15, 2 + 1}, Case{ring(2) + ring(7), 14, 1 + 3},
                                         Case{mesh(8) + mesh(8), 64, 2}, Case{mesh(4) + ring(6), 24, 1 + 3},
                                         Case{mesh(3) + mesh(3) + mesh(3), 27, 3}));

// 3 x 4: device x + 3 y. The first dimension goes first.
TEST(DimensionOrder, FirstDimensionFirst) {
  const Fabric fabric = build_composed(mesh(3) + ring(4), 12);
  EXPECT_EQ(way(fabric, 0, 5), "device0 > device2, device2 > device5");
  EXPECT_EQ(way(fabric, 5, 0), "device5 > device3, device3 > device0");
}

TEST(DimensionOrder, TheShorterWayRound) {
  const Fabric fabric = build_composed(ring(5), 5);
  EXPECT_EQ(way(fabric, 0, 2), "device0 > device1, device1 > device2");
  EXPECT_EQ(way(fabric, 0, 3), "device0 > device4, device4 > device3");
  EXPECT_EQ(way(fabric, 4, 1), "device4 > device0, device0 > device1");
}

// Half-way round a ring of four: even devices go up, odd ones down. All pairs of four: distances 1, 1 and 2 make
// 4 x 4 hops over 8 directed links, two on each.
TEST(DimensionOrder, TiesUseBothDirections) {
  const Fabric fabric = build_composed(ring(4), 4);
  EXPECT_EQ(way(fabric, 0, 2), "device0 > device1, device1 > device2");
  EXPECT_EQ(way(fabric, 1, 3), "device1 > device0, device0 > device3");
  std::map<std::string, int> load;
  for (int a = 0; a < 4; ++a)
    for (int b = 0; b < 4; ++b)
      if (a != b)
        for (const BundleId id : fabric.route(device(a), device(b)).bundles) ++load[fabric.bundle_name(id)];
  EXPECT_EQ(load.size(), 8u);
  for (const auto& [link, flows] : load) EXPECT_EQ(flows, 2) << link;
}

// Above the grid: 4 blocks of a ring of 8 under 2 switches. Half-way round is 4 hops, over a switch it is 2.
TEST(GridUnderSwitches, SwitchesJoinBlocksAndShortenLongWays) {
  const Fabric fabric =
      build_composed(ring(8) + "- {kind: switch, size: 4, switches: 2, bandwidth: 60 GB/s, latency: 0.3 us}\n", 32);
  EXPECT_EQ(way(fabric, 0, 2), "device0 > device1, device1 > device2");
  EXPECT_EQ(fabric.route(device(0), device(4)).bundles.size(), 2u);
  EXPECT_EQ(fabric.route(device(0), device(4)).paths, 2);
  EXPECT_EQ(way(fabric, 0, 9), "device0 > supernode0.switch1, supernode0.switch1 > device9");
  EXPECT_EQ(fabric.bundle(fabric.route(device(0), device(9)).bundles[0]).devices_below, 1);
}

TEST(GridUnderSwitches, OtherSupernodesAreReachedByNics) {
  const Fabric fabric = build_fabric(composed(mesh(4) + mesh(4), 4, 4), 32);
  EXPECT_EQ(fabric.route(device(0), device(15)).plane, Plane::kScaleUp);
  EXPECT_EQ(fabric.route(device(0), device(16)).plane, Plane::kScaleOut);
  EXPECT_THROW(fabric.route_over(Plane::kScaleUp, device(0), device(16)), std::runtime_error);
}

// A ring of four by hand with the link from 0 to 1 dead, or every link of device 0 but one.
Fabric broken_ring(std::initializer_list<int> dead) {
  Fabric fabric;
  std::vector<LinkId> links;
  for (int i = 0; i < 4; ++i) fabric.add_device(fmt::format("device{}", i), {.chip = i, .node = i});
  const LinkSpec link{BytesPerSecond(1e9), Seconds(1e-6), Medium::kCopper, Plane::kScaleUp};
  for (int i = 0; i < 4; ++i)
    links.push_back(fabric.connect(fabric.vertex(device(i)), fabric.vertex(device((i + 1) % 4)), link));
  fabric.set_grid({{{4, true}}});
  for (const int i : dead) fabric.set_share(links[static_cast<std::size_t>(i)], 0);
  fabric.seal();
  return fabric;
}

TEST(BrokenGrid, GoesTheOtherWayRound) {
  const Fabric fabric = broken_ring({0});
  EXPECT_EQ(way(fabric, 0, 1), "device0 > device3, device3 > device2, device2 > device1");
  EXPECT_EQ(way(fabric, 1, 2), "device1 > device2");
  EXPECT_EQ(way(fabric, 0, 2),
            "device0 > device3, device3 > device2");  // by dimension it would start over the dead link
}

TEST(BrokenGrid, ADeviceCutOffIsNotReached) {
  const Fabric fabric = broken_ring({0, 3});
  EXPECT_THROW(fabric.route_over(Plane::kScaleUp, device(0), device(2)), std::runtime_error);
  EXPECT_EQ(way(fabric, 1, 3), "device1 > device2, device2 > device3");
}

}  // namespace
}  // namespace supernode
