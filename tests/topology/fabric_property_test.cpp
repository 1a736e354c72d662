// For every catalogued system and several sizes: what must hold of any fabric, against the full graph.
#include <gtest/gtest.h>

#include <random>

#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

struct Cluster {
  std::string system;
  std::int64_t chips;
  Overrides overrides;
};

// Small switches make planes with a core, partly filled leaves and pods out of few nodes.
std::vector<Cluster> clusters() {
  std::vector<Cluster> list;
  for (const std::string& name : all_systems()) {
    list.push_back({name, 1, {}});
    list.push_back({name, 200, {}});
    list.push_back({name, 1000, {}});
    list.push_back({name, 300, {{"fabric.scale_out.leaf_ports", "16"}, {"fabric.scale_out.rail_optimised", "false"}}});
    list.push_back({name, 150, {{"fabric.scale_out.leaf_ports", "32"}, {"fabric.scale_out.oversubscription", "3"}}});
  }
  list.push_back({"hgx-h100", 136, {{"fabric.scale_out.leaf_ports", "16"}}});
  return list;
}

class AnyFabric : public testing::TestWithParam<Cluster> {
 protected:
  SystemSpec spec_ = load_system(GetParam().system, GetParam().overrides);
  std::int64_t chips_ = fitting(spec_, GetParam().chips);
  Fabric fabric_ = build_fabric(spec_, chips_);

  // Pairs at random, neighbours of device 0, and the two ends.
  std::vector<std::pair<DeviceId, DeviceId>> pairs(int random) {
    const std::int64_t n = fabric_.device_count();
    std::vector<std::pair<DeviceId, DeviceId>> list;
    for (std::int64_t i = 1; i < std::min<std::int64_t>(n, 20); ++i) list.emplace_back(device(0), device(i));
    list.emplace_back(device(n - 1), device(0));
    std::mt19937_64 generator(7);
    while (std::ssize(list) < random + 20) {
      const auto a = static_cast<std::int64_t>(generator() % n), b = static_cast<std::int64_t>(generator() % n);
      if (a != b) list.emplace_back(device(a), device(b));
    }
    return list;
  }
};

TEST_P(AnyFabric, RoutesAgreeWithTheFullGraph) {
  for (const auto& [from, to] : pairs(30)) {
    const Route& route = fabric_.route(from, to);
    const FullGraphPaths full = fabric_.full_graph_paths(route.plane, from, to);
    EXPECT_EQ(std::ssize(route.bundles), full.hops);
    // Within a grid the graph has a path for every order of the dimensions, of which the route takes one.
    const std::int64_t block = fabric_.grid().size();
    if (route.plane == Plane::kScaleUp && from.index / block == to.index / block && block > 1) continue;
    EXPECT_EQ(route.paths, full.paths);
    EXPECT_NEAR(full.imbalance, 1.0, 1e-9);
  }
}

TEST_P(AnyFabric, RoutesAreSymmetricAndSum) {
  for (const auto& [from, to] : pairs(200)) {
    const Route& there = fabric_.route(from, to);
    const Route& back = fabric_.route(to, from);
    ASSERT_EQ(there.bundles.size(), back.bundles.size());
    EXPECT_EQ(there.paths, back.paths);
    double latency = 0;
    for (std::size_t i = 0; i < there.bundles.size(); ++i) {
      const Bundle& out = fabric_.bundle(there.bundles[i]);
      const Bundle& in = fabric_.bundle(back.bundles[back.bundles.size() - 1 - i]);
      EXPECT_EQ(out.bandwidth, in.bandwidth);
      EXPECT_EQ(out.links, in.links);
      EXPECT_EQ(out.devices_below, in.devices_below);
      EXPECT_NE(there.bundles[i], back.bundles[back.bundles.size() - 1 - i]);
      latency += out.latency.value();
    }
    EXPECT_NEAR(there.latency.value(), latency, 1e-15);
  }
}

TEST_P(AnyFabric, SupernodesUseTheirOwnPlane) {
  for (const auto& [from, to] : pairs(200)) {
    const Plane plane = fabric_.route(from, to).plane;
    const DevicePlace &a = fabric_.place(from), &b = fabric_.place(to);
    EXPECT_EQ(plane, a.chip == b.chip             ? Plane::kLocal
                     : a.supernode == b.supernode ? Plane::kScaleUp
                                                  : Plane::kScaleOut);
  }
}

// Every device at full rate into the scale-out plane fills a full leaf's trunk as oversubscription says: the sum of
// what stands below a trunk is its bandwidth times the ratio.
TEST_P(AnyFabric, TrunksAreAsWideAsTheSpecSays) {
  for (const auto& [from, to] : pairs(50)) {
    const Route route = fabric_.route_over(Plane::kScaleOut, from, to);
    for (const BundleId id : route.bundles) {
      const Bundle& bundle = fabric_.bundle(id);
      if (bundle.plane != Plane::kScaleOut || bundle.devices_below <= spec_.devices_per_chip) continue;
      const double below =
          fabric_.port_bandwidth(from, Plane::kScaleOut).value() * static_cast<double>(bundle.devices_below);
      EXPECT_GE(bundle.bandwidth.value() * spec_.scale_out.oversubscription.value, below * (1 - 1e-12));
    }
  }
}

TEST_P(AnyFabric, WholeNodesHoldTheChips) {
  EXPECT_EQ(fabric_.device_count(), cluster_size(spec_, chips_).nodes * spec_.devices_per_node());
  EXPECT_GE(fabric_.device_count(), chips_ * spec_.devices_per_chip);
}

INSTANTIATE_TEST_SUITE_P(Clusters, AnyFabric, testing::ValuesIn(clusters()));

TEST(FabricScale, LargeClustersHoldTheirDevices) {
  EXPECT_EQ(build_fabric(load_system("hgx-h100"), 16384).device_count(), 16384);
  EXPECT_EQ(build_fabric(load_system("cloudmatrix-384"), 1536).device_count(), 3072);
}

// 768 x (1 sibling, 14 others in the node by 7 paths, 752 in other nodes by 112).
TEST(FabricScale, AllPairsOfASupernode) {
  const Fabric fabric = build_fabric(load_system("cloudmatrix-384"), 384);
  std::int64_t paths = 0;
  for (int a = 0; a < 768; ++a) {
    for (int b = 0; b < 768; ++b) paths += a == b ? 0 : fabric.route(device(a), device(b)).paths;
  }
  EXPECT_EQ(paths, 768LL * (1 + 14 * 7 + 752 * 112));
}

}  // namespace
}  // namespace supernode
