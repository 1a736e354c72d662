// Rings over one node, over one rank a node, and over whole nodes: who sends what where, and what that takes.

#include <gtest/gtest.h>

#include "sim/collective_cost.hpp"
#include "tests/sim/collective_fixture.hpp"

namespace supernode {
namespace {

using namespace test;
using enum CollectiveOp;

GroupShape whole_nodes(int nodes, int per_node) {
  GroupShape shape;
  for (int i = 0; i < nodes * per_node; ++i) {
    shape.node.push_back(i / per_node);
    shape.supernode.push_back(i / per_node);
  }
  return shape;
}

Round ring(const GroupShape& shape, Bytes bytes, CollectiveOp op = kAllGather) {
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  return registry.find("ring")->rounds({op, bytes, {}}, shape).front();
}

// The time is that of the ports, and inside a node that of a rank's own block, copied at 0.45 of the time per byte.
Seconds bare_time(const Fabric& fabric, Bytes bytes, int ranks, int stride = 1) {
  const CollectiveProtocol protocol = bare_protocol();
  return CollectiveCostModel(fabric, protocol).cost({kAllReduce, bytes, {}}, devices(ranks, 0, stride), "ring").time;
}

double us(Seconds time) { return time.value() * 1e6; }

void expect_single_ring(const Round& round, int n, double bytes_each) {
  EXPECT_EQ(round.repeat, n - 1);
  ASSERT_EQ(round.transfers.size(), static_cast<std::size_t>(n));
  for (const Transfer& t : round.transfers) {
    EXPECT_EQ(t.to, (t.from + 1) % n);
    EXPECT_NEAR(t.bytes.value(), bytes_each, 1e-6);
  }
}

TEST(Ring, IsOneOfItsRanksInsideANodeAndOverOneRankANode) {
  expect_single_ring(ring(whole_nodes(1, 8), 8_MB), 8, 1e6);
  expect_single_ring(ring(whole_nodes(8, 1), 8_MB), 8, 1e6);
  expect_single_ring(ring(whole_nodes(1, 2), 8_MB), 2, 4e6);
}

// 2(n-1)/n · S over each port: 7/4 · 80 MB at 400 GB/s = 350 us, and 10 MB of its own at 0.45; at 50 GB/s 2800 us.
TEST(Ring, TakesTheClosedFormThere) {
  const Fabric fabric = rails(8, 8, 400_GBps, 50_GBps, Seconds{});
  EXPECT_NEAR(us(bare_time(fabric, 80_MB, 8)), 350 + 11.25, 1e-3);
  EXPECT_NEAR(us(bare_time(fabric, 80_MB, 8, 8)), 2800, 1e-3);
}

// Ranks 0 1 | 2 3 and two rings of half the data: 0 1 3 2 and 1 0 2 3. A rank passes 1/4 of each half to its
// neighbour in one ring and to the rank of its own place in the other node in the other one.
TEST(Ring, TwoNodesOfTwo) {
  const Round round = ring(whole_nodes(2, 2), 8_MB);
  EXPECT_EQ(round.repeat, 3);
  ASSERT_EQ(round.transfers.size(), 8u);
  for (const Transfer& t : round.transfers) {
    EXPECT_TRUE(t.to == (t.from ^ 1) || t.to == (t.from ^ 2)) << t.from << " to " << t.to;
    EXPECT_NEAR(t.bytes.value(), 1e6, 1e-6);
  }
  // 6 rounds of 80 MB / 4 / 2: 60 MB over each NIC and over each NVLink port.
  EXPECT_NEAR(us(bare_time(rails(2, 2, 400_GBps, 50_GBps, Seconds{}), 80_MB, 4)), 1200, 1e-3);
  EXPECT_NEAR(us(bare_time(rails(2, 2, 40_GBps, 50_GBps, Seconds{}), 80_MB, 4)), 1500, 1e-3);
}

// S = 256 MB: 2S · 31/32 / 8 = 62 MB leave each NIC, seven times that each NVLink port.
TEST(Ring, FourNodesOfEightUseEveryNic) {
  EXPECT_NEAR(us(bare_time(rails(4, 8, 450_GBps, 50_GBps, Seconds{}), 256_MB, 32)), 62e6 / 50e9 * 1e6, 1e-2);
  EXPECT_NEAR(us(bare_time(rails(4, 8, 300_GBps, 50_GBps, Seconds{}), 256_MB, 32)), 7 * 62e6 / 300e9 * 1e6, 1e-2);
}

// With an even number of nodes no ring changes its rail; with an odd number each does once, at the seam.
TEST(Ring, StaysOnItsRail) {
  for (const int nodes : {2, 3, 4, 5}) {
    int crossings = 0, off_rail = 0;
    for (const Transfer& t : ring(whole_nodes(nodes, 8), 1_MB).transfers) {
      if (t.from / 8 == t.to / 8) continue;
      ++crossings;
      if (t.from % 8 != t.to % 8) ++off_rail;
    }
    EXPECT_EQ(crossings, 8 * nodes);
    EXPECT_EQ(off_rail, nodes % 2 == 0 ? 0 : 8) << nodes;
  }
}

// As many rings as the smallest supernode has ranks, whatever the order of the group; every rank sends and receives
// 2(n-1)/n · S.
TEST(Ring, UnevenNodesConserveBytes) {
  GroupShape shape;
  for (const int node : {0, 1, 0, 2, 1, 0, 2, 2, 0}) {
    shape.node.push_back(node);
    shape.supernode.push_back(node);
  }
  const Round round = ring(shape, 9_MB, kAllReduce);
  std::vector<double> out(9), in(9);
  int crossings = 0;
  for (const Transfer& t : round.transfers) {
    const auto from = static_cast<std::size_t>(t.from), to = static_cast<std::size_t>(t.to);
    out[from] += t.bytes.value() * static_cast<double>(round.repeat);
    in[to] += t.bytes.value() * static_cast<double>(round.repeat);
    if (shape.node[from] != shape.node[to]) ++crossings;
  }
  EXPECT_EQ(crossings, 2 * 3);
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_NEAR(out[i], 16e6, 1e-3) << i;
    EXPECT_NEAR(in[i], 16e6, 1e-3) << i;
  }
}

}  // namespace
}  // namespace supernode
