// Groups on a grid that cost the same have equal signatures, and only such.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "sim/group_congruence.hpp"
#include "tests/topology/composed_fixture.hpp"

namespace supernode {
namespace {

// Without rails, so that a place in a node does not tell two NPUs of it apart.
SystemSpec grid_system(const std::string& layers, int chips_per_node, int nodes) {
  SystemSpec spec = composed(layers, chips_per_node, nodes);
  spec.scale_out.rail_optimised = false;
  return spec;
}

const std::string kMesh4 = "- {kind: full_mesh, size: 4, bandwidth: 50 GB/s, latency: 0.5 us}\n";
const std::string kRing4 = "- {kind: torus, size: 4, bandwidth: 50 GB/s, latency: 0.5 us}\n";
const std::string kSwitch = "- {kind: switch, size: 2, switches: 2, bandwidth: 50 GB/s, latency: 0.3 us}\n";

std::vector<std::int32_t> signature(const Fabric& fabric, std::initializer_list<int> members) {
  std::vector<DeviceId> group;
  for (const int member : members) group.push_back(device(member));
  return GroupSignatures(fabric).of(group);
}

// Two blocks of 4 x 4 under switches; nodes of four are lines.
TEST(GridCongruence, NeighboursDiagonalsAndOtherBlocks) {
  const Fabric fabric = build_whole(grid_system(kMesh4 + kMesh4 + kSwitch, 4, 8));
  EXPECT_EQ(signature(fabric, {0, 4}), signature(fabric, {1, 13}));   // one hop up
  EXPECT_EQ(signature(fabric, {0, 4}), signature(fabric, {16, 28}));  // in the other block
  EXPECT_NE(signature(fabric, {0, 4}), signature(fabric, {0, 5}));    // two hops
  EXPECT_NE(signature(fabric, {0, 5}), signature(fabric, {0, 21}));   // over the switches
  EXPECT_EQ(signature(fabric, {0, 21}), signature(fabric, {17, 2}));
}

TEST(GridCongruence, EvenTurnsOfARing) {
  const Fabric fabric = build_whole(grid_system(kRing4 + kRing4, 4, 4));
  EXPECT_EQ(signature(fabric, {0, 1}), signature(fabric, {2, 3}));
  EXPECT_NE(signature(fabric, {0, 2}), signature(fabric, {1, 3}));  // one half-way up, the other half-way down
  EXPECT_NE(signature(fabric, {0, 1}), signature(fabric, {0, 3}));
}

// Groups of three at random: those of one signature have the same routes among themselves, and share links alike.
TEST(GridCongruence, EqualSignaturesHaveEqualRoutes) {
  for (const std::string& layers : {kMesh4 + kMesh4 + kSwitch, kRing4 + kMesh4 + kSwitch, kRing4 + kRing4 + kSwitch}) {
    const Fabric fabric = build_whole(grid_system(layers, 4, 8));
    std::map<std::vector<std::int32_t>, std::vector<int>> seen;
    std::mt19937_64 generator(9);
    int compared = 0;
    for (int draw = 0; draw < 4000; ++draw) {
      std::vector<DeviceId> group;
      while (group.size() < 3) {
        const DeviceId next(static_cast<std::int64_t>(generator() % 32));
        if (std::ranges::count(group, next) == 0) group.push_back(next);
      }
      std::vector<int> routes;  // bundles numbered by first appearance
      std::map<BundleId, int> numbers;
      for (const DeviceId a : group)
        for (const DeviceId b : group)
          if (a != b) {
            routes.push_back(-1);
            for (const BundleId id : fabric.route(a, b).bundles)
              routes.push_back(numbers.try_emplace(id, static_cast<int>(numbers.size())).first->second);
          }
      const auto [found, fresh] = seen.try_emplace(GroupSignatures(fabric).of(group), routes);
      EXPECT_EQ(found->second, routes);
      compared += !fresh;
    }
    EXPECT_GT(compared, 1000);
  }
}

}  // namespace
}  // namespace supernode
