// Algorithms over several supernodes: a switch of B inside each, a NIC of R a device, device i of every supernode on
// rail i. The slower of the two planes decides, each at its own bytes; every round pays the longer route.

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/flow.hpp"
#include "tests/sim/collective_fixture.hpp"

namespace supernode {
namespace {

using namespace test;
using enum CollectiveOp;

constexpr double kB = 400e9, kR = 50e9, kHop = 1e-6, kS = 64e6;

double simulated(int nodes, int per_node, const std::string& algorithm, CollectiveOp op, double bytes = kS) {
  const Fabric fabric = rails(nodes, per_node, BytesPerSecond(kB), BytesPerSecond(kR), Seconds(kHop));
  const auto members = devices(nodes * per_node);
  return simulate_flows(fabric, members, rounds_of(fabric, members, algorithm, {op, Bytes(bytes), {8, 256, 0}}))
      .time.value();
}

// Inside, 2(g-1)/g·S; up the tree and down, S/g each; 2g rounds, of two hops (device, NIC, rail, NIC, device: the links
// between a device and its NIC have no latency).
TEST(HierarchyClosedForm, SharpLoadsANicOnce) {
  for (const auto& [m, g] : {std::pair{2, 8}, {4, 8}, {4, 2}, {3, 5}}) {
    const double inside = 2.0 * (g - 1) / g * kS / kB, up = kS / g / kR;
    const double expected = std::max(inside, up) + 2 * g * 2 * kHop;
    EXPECT_NEAR(simulated(m, g, "sharp", kAllReduce), expected, 1e-3 * expected) << m << 'x' << g;
  }
}

// One rank a supernode: only the NICs, S up and S down at once. A ring moves 2(m-1)/m as much.
TEST(HierarchyClosedForm, SharpOfOneRankASupernode) {
  EXPECT_NEAR(simulated(8, 1, "sharp", kAllReduce), kS / kR + 2 * 2 * kHop, 1e-3 * kS / kR);
  const double ring = 14 * (kS / 8 / kR + 2 * kHop);
  EXPECT_NEAR(simulated(8, 1, "ring", kAllReduce), ring, 1e-3 * ring);
}

TEST(HierarchyClosedForm, ReductionsByLevels) {
  for (const CollectiveOp op : {kAllReduce, kAllGather, kReduceScatter})
    for (const auto& [m, g] : {std::pair{2, 8}, {4, 4}, {3, 5}}) {
      const double phases = op == kAllReduce ? 2 : 1;
      const double inside = phases * (g - 1) / g * kS / kB, across = phases * (m - 1) / m * kS / g / kR;
      const double expected = std::max(inside, across) + phases * (g - 1 + m - 1) * 2 * kHop;
      for (const char* name : {"hierarchical", "hierarchical_supernode"})
        EXPECT_NEAR(simulated(m, g, name, op), expected, 1e-3 * expected) << name << ' ' << m << 'x' << g;
      const double mesh = std::max(inside, across) + phases * (1 + m - 1) * 2 * kHop;
      EXPECT_NEAR(simulated(m, g, "hierarchical_mesh", op), mesh, 1e-3 * mesh) << m << 'x' << g;
    }
}

// All-to-all: (g-1)/g·S inside, (m-1)/m·S across, in two rounds.
TEST(HierarchyClosedForm, ExchangeByLevels) {
  for (const auto& [m, g] : {std::pair{2, 8}, {4, 4}, {3, 5}}) {
    const double expected = std::max((g - 1.0) / g * kS / kB, (m - 1.0) / m * kS / kR) + 2 * 2 * kHop;
    EXPECT_NEAR(simulated(m, g, "hierarchical", kAllToAll), expected, 1e-3 * expected) << m << 'x' << g;
  }
}

// EP: across m-1 times P(node hit)·S, inside (g-1)·m·P(rank hit)·S, with P(hit) = 1 - prod (E - E/bins - i)/(E - i).
TEST(HierarchyClosedForm, ExpertsByLevels) {
  const auto hit = [](double bins) {
    double missed = 1;
    for (int i = 0; i < 8; ++i) missed *= std::max(0.0, 256 - 256 / bins - i) / (256 - i);
    return 1 - missed;
  };
  for (const CollectiveOp op : {kEpDispatch, kEpCombine})
    for (const auto& [m, g] : {std::pair{2, 8}, {4, 8}, {8, 4}}) {
      const double across = (m - 1) * hit(m) * kS / kR, inside = (g - 1) * m * hit(m * g) * kS / kB;
      const double expected = std::max(inside, across) + 2 * 2 * kHop;
      EXPECT_NEAR(simulated(m, g, "hierarchical", op), expected, 1e-3 * expected) << m << 'x' << g;
    }
}

// k rings of 1/k each, one NIC each: (n-1)/n·S/k a NIC and phase; inside, a rank carries k-1 of the k rings.
TEST(HierarchyClosedForm, RingsOverAllNics) {
  for (const auto& [m, g] : {std::pair{2, 8}, {4, 4}}) {
    const double n = m * g;
    const double each = std::max(kS / n / g / kR, (g - 1.0) * kS / n / g / kB);
    const double expected = 2 * (n - 1) * (each + 2 * kHop);
    EXPECT_NEAR(simulated(m, g, "ring", kAllReduce), expected, 1e-3 * expected) << m << 'x' << g;
  }
}

}  // namespace
}  // namespace supernode
