// Algorithms on meshes and tori of devices: closed forms over links of B bytes/s each way and l seconds.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sim/collectives/grid_box.hpp"
#include "sim/flow.hpp"
#include "tests/sim/collective_shapes.hpp"
#include "tests/sim/grid_fixture.hpp"

namespace supernode {
namespace {

using namespace test;
using enum CollectiveOp;
using Dimensions = std::vector<GridDimension>;

constexpr double kB = 56e9, kHop = 0.3e-6, kS = 64e6;

struct GridRun {
  Fabric fabric;
  GridRun(const Dimensions& dimensions, double hop = kHop)
      : fabric(grid_fabric(dimensions, BytesPerSecond(kB), Seconds(hop))) {}
  double time(const std::string& algorithm, CollectiveOp op, const std::vector<DeviceId>& members) const {
    const auto rounds = rounds_of(fabric, members, algorithm, {op, Bytes(kS), {}});
    return simulate_flows(fabric, members, rounds).time.value();
  }
  double time(const std::string& algorithm, CollectiveOp op) const {
    return time(algorithm, op, devices(static_cast<int>(fabric.device_count())));
  }
};

std::vector<Dimensions> grids() {
  return {{{4, false}, {4, false}},
          {{8, false}, {8, false}},
          {{3, false}, {5, false}},
          {{4, true}, {4, true}},
          {{5, true}, {3, true}},
          {{8, true}},
          {{4, false}, {6, true}},
          {{4, true}, {4, true}, {4, true}},
          {{2, true}, {4, true}, {3, false}}};
}

// One stage over a dimension in which D bytes are cut in k: to all others at once D/k on each link; both ways round a
// ring k-1 times D/2k on each link.
double stage(const GridDimension& d, double bytes) {
  const auto k = static_cast<double>(d.size);
  if (d.ring && d.size > 2) return (k - 1) * (bytes / (2 * k) / kB + kHop);
  return bytes / k / kB + kHop;
}

TEST(GridClosedForm, ReductionsDimensionByDimension) {
  for (const Dimensions& dimensions : grids()) {
    const GridRun run(dimensions);
    double sum = 0, left = kS;
    for (const GridDimension& d : dimensions) {
      sum += stage(d, left);
      left /= static_cast<double>(d.size);
    }
    EXPECT_NEAR(run.time("grid", kAllGather), sum, 1e-3 * sum) << dimensions.size();
    EXPECT_NEAR(run.time("grid", kReduceScatter), sum, 1e-3 * sum) << dimensions.size();
    EXPECT_NEAR(run.time("grid", kAllReduce), 2 * sum, 2e-3 * sum) << dimensions.size();
  }
}

// D parts, each beginning with another of D equal dimensions: every stage is that of one part of S/D.
TEST(GridClosedForm, PartsUseAllDimensionsAtOnce) {
  for (const Dimensions& dimensions : {Dimensions{{4, true}, {4, true}}, Dimensions{{4, true}, {4, true}, {4, true}},
                                       Dimensions{{8, false}, {8, false}}}) {
    const GridRun run(dimensions);
    const auto count = static_cast<double>(dimensions.size());
    double sum = 0, left = kS / count;
    for (const GridDimension& d : dimensions) {
      sum += stage(d, left);
      left /= static_cast<double>(d.size);
    }
    EXPECT_NEAR(run.time("grid_split", kAllReduce), 2 * sum, 2e-3 * sum);
    EXPECT_LT(run.time("grid_split", kAllReduce), run.time("grid", kAllReduce) / (count - 0.3));
  }
}

// What any algorithm needs on a torus of D dimensions: 2(n-1)/n·S out of each device over 2D links. The parts reach it.
TEST(GridClosedForm, PartsReachTheBoundOfATorus) {
  const GridRun run({{4, true}, {4, true}}, 0);
  const double bound = 2 * 15.0 / 16 * kS / (4 * kB);
  EXPECT_NEAR(run.time("grid_split", kAllReduce), bound, 1e-3 * bound);
}

// To all of a line at once: S/k on each link of a full mesh.
TEST(GridClosedForm, AllToAllOnAMesh) {
  for (const Dimensions& dimensions :
       {Dimensions{{4, false}, {4, false}}, Dimensions{{8, false}, {8, false}}, Dimensions{{3, false}, {5, false}}}) {
    double expected = 0;
    for (const GridDimension& d : dimensions) expected += kS / static_cast<double>(d.size) / kB + kHop;
    EXPECT_NEAR(GridRun(dimensions).time("grid", kAllToAll), expected, 1e-3 * expected);
  }
}

// Round a ring of k: blocks of S/k to all others, the shorter way. Distances of one direction sum up to (k²-1)/8 for
// odd k, k²/8 for k a multiple of 4, when ranks half-way round go either way in turn: so many blocks cross each link.
TEST(GridClosedForm, AllToAllOnATorus) {
  const auto blocks = [](double k) { return static_cast<int>(k) % 2 == 1 ? (k * k - 1) / 8 : k * k / 8; };
  for (const Dimensions& dimensions :
       {Dimensions{{4, true}}, Dimensions{{5, true}, {3, true}}, Dimensions{{8, true}, {4, true}}}) {
    double expected = 0;
    for (const GridDimension& d : dimensions) {
      const auto k = static_cast<double>(d.size);
      expected += blocks(k) * kS / k / kB;
    }
    EXPECT_NEAR(GridRun(dimensions, 0).time("grid", kAllToAll), expected, 1e-3 * expected);
  }
}

// A walk from neighbour to neighbour: one hop a round, half a block each way. One direction takes twice as long.
TEST(GridClosedForm, BothWaysRoundATorus) {
  for (const Dimensions& dimensions :
       {Dimensions{{8, true}}, Dimensions{{4, true}, {4, true}}, Dimensions{{2, true}, {4, true}, {4, true}},
        Dimensions{{4, false}, {6, true}}}) {
    const GridRun run(dimensions);
    const auto n = static_cast<double>(run.fabric.device_count());
    const double expected = 2 * (n - 1) * (kS / n / 2 / kB + kHop);
    EXPECT_NEAR(run.time("bidirectional_ring", kAllReduce), expected, 1e-3 * expected) << n;
  }
  const GridRun ring({{8, true}});
  const double one_way = 14 * (kS / 8 / kB + kHop);
  EXPECT_NEAR(ring.time("ring", kAllReduce), one_way, 1e-3 * one_way);
}

// n-1 rings on the n-1 links of each device of a full mesh (n-2 of them for even n but 8): a share of a block a round.
TEST(GridClosedForm, RingsOnAllLinksOfAMesh) {
  for (const auto& [n, rings] : {std::pair{5, 4}, {6, 4}, {7, 6}, {8, 7}, {9, 8}, {16, 14}}) {
    const GridRun run({{n, false}});
    const double expected = 2 * (n - 1) * (kS / n / rings / kB + kHop);
    EXPECT_NEAR(run.time("multi_ring", kAllReduce), expected, 1e-3 * expected) << n;
    const double direct = 2 * (kS / n / kB + kHop);
    EXPECT_NEAR(run.time("direct", kAllReduce), direct, 1e-3 * direct) << n;
  }
}

// Columns, rows and quarters of a grid are boxes; an L of three cells is not.
TEST(GridBox, TakesAnyCoordinates) {
  const GridRun run({{4, true}, {4, true}});
  const auto box = [&](const std::vector<int>& ids) {
    std::vector<DeviceId> members;
    for (const int id : ids) members.push_back(DeviceId(id));
    return grid_box(group_shape(run.fabric, members));
  };
  EXPECT_EQ(box({1, 5, 9, 13})->dimensions.size(), 1u);
  EXPECT_EQ(box({0, 2, 8, 10})->dimensions.size(), 2u);
  EXPECT_EQ(box({10, 8, 2, 0})->position, (std::vector<std::int32_t>{3, 2, 1, 0}));
  EXPECT_FALSE(box({0, 1, 4}).has_value());
  EXPECT_FALSE(grid_box(shape(2, 4)).has_value());
}

// A column of a full mesh, four links apart in the device order: links of its own.
TEST(GridClosedForm, AGroupOfOneColumn) {
  const GridRun run({{4, false}, {4, false}});
  const double expected = 2 * (kS / 4 / kB + kHop);
  EXPECT_NEAR(run.time("grid", kAllReduce, devices(4, 1, 4)), expected, 1e-3 * expected);
}

TEST(GridBox, WalkVisitsAllAndClosesOverNeighbours) {
  for (const Dimensions& dimensions :
       {Dimensions{{4, true}, {4, true}}, Dimensions{{3, true}, {6, true}}, Dimensions{{4, true}, {4, true}, {4, true}},
        Dimensions{{4, false}, {6, true}}, Dimensions{{3, false}, {4, false}}}) {
    const GridRun run(dimensions);
    const auto all = devices(static_cast<int>(run.fabric.device_count()));
    const auto walk = closed_walk(*grid_box(group_shape(run.fabric, all)));
    EXPECT_EQ(std::set<std::int32_t>(walk.begin(), walk.end()).size(), all.size());
    for (std::size_t i = 0; i < walk.size(); ++i) {
      const auto from = static_cast<std::size_t>(walk[i]), to = static_cast<std::size_t>(walk[(i + 1) % walk.size()]);
      EXPECT_EQ(run.fabric.route(all[from], all[to]).bundles.size(), 1u) << walk.size() << " step " << i;
    }
  }
}

}  // namespace
}  // namespace supernode
