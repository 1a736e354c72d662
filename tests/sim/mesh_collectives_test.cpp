// Collectives over the full mesh of an Atlas 800T A2: 28 GB/s and 0.5 us between any two NPUs of a node, 25 GB/s and
// 4 x 0.25 us from an NPU to the one of its own place in the next node. The library adds nothing here.
#include <gtest/gtest.h>

#include "sim/collective_cost.hpp"
#include "tests/sim/collective_fixture.hpp"
#include "tests/topology/system_fixture.hpp"

namespace supernode {
namespace {

using namespace test;
using enum CollectiveOp;

constexpr double kLink = 28e9, kNic = 25e9, kPort = 196e9;  // bytes/s
constexpr double kOwnCopy = 0.45;                           // docs/models/collectives.md, `own`

// What HCCL chooses among (calibration/catalog/protocols/hccl-atlas-800t-a2.yaml).
CollectiveProtocol with_mesh_algorithms() {
  CollectiveProtocol protocol = bare_protocol();
  for (const CollectiveOp op : {kAllReduce, kAllGather, kReduceScatter})
    protocol.algorithms[op] = {"ring", "direct", "halving_doubling", "hierarchical", "hierarchical_mesh"};
  return protocol;
}

class MeshCollectives : public testing::Test {
 protected:
  Fabric fabric_ = build_fabric(load_system("atlas-800t-a2"), 32);
  CollectiveProtocol bare_ = with_mesh_algorithms();
  CollectiveCostModel model_{fabric_, bare_};

  CollectiveCost cost(CollectiveOp op, Bytes bytes, int ranks, const std::string& algorithm = "") {
    return model_.cost({op, bytes, {8, 256, 0}}, devices(ranks), algorithm);
  }
};

// Each NPU sends B/8 over each of its 7 links at once, and copies its own B/8.
TEST_F(MeshCollectives, AllToAllUsesAllLinks) {
  const double bytes = 64e6, part = bytes / 8;
  const CollectiveCost found = cost(kAllToAll, Bytes(bytes), 8);
  EXPECT_NEAR(found.time.value(), part / kLink + 0.5e-6 + kOwnCopy * part / kPort, 1e-9);
  EXPECT_NEAR(found.port_bytes.value(), 7 * part, 1);
}

TEST_F(MeshCollectives, OneTransferHasOneLink) {
  const CollectiveCost found = cost(kSendRecv, 64_MB, 2);
  EXPECT_NEAR(found.time.value(), 64e6 / kLink + 0.5e-6, 1e-9);
  EXPECT_DOUBLE_EQ(found.port_bandwidth.value(), kPort);
  // What the step engine lets it have of the port, so that the other six links stay free.
  EXPECT_NEAR(found.rate().value(), kLink, 1e-3 * kLink);
}

// A ring has one link a rank, the mesh seven: 14 rounds of B/8 against 2. Either copies a rank's own B/8, at 0.45 of
// the time per byte of the port (sim/collective_run.cpp).
TEST_F(MeshCollectives, AllReduceGoesOverTheMeshNotRoundTheRing) {
  const double part = 64e6 / 8;
  const CollectiveCost best = cost(kAllReduce, 64_MB, 8);
  EXPECT_EQ(best.algorithm, "direct");
  const double own = 0.45 * part / kPort;
  EXPECT_NEAR(best.time.value(), 2 * (part / kLink + 0.5e-6) + own, 1e-9);
  EXPECT_NEAR(cost(kAllReduce, 64_MB, 8, "ring").time.value(), 14 * (part / kLink + 0.5e-6) + own, 1e-9);
}

TEST_F(MeshCollectives, FourOfEightNpusHaveThreeLinksEach) {
  const double part = 64e6 / 4;
  const double own = 0.45 * part / kPort;
  EXPECT_NEAR(cost(kAllReduce, 64_MB, 4).time.value(), 2 * (part / kLink + 0.5e-6) + own, 1e-9);
}

// Two nodes: inside B/8 to each neighbour, across B/16 to the other node, both at once in two rounds of half of each.
// The links take B/8 / 28 GB/s and the NIC B/16 / 25 GB/s, so the links decide.
TEST_F(MeshCollectives, AllGatherOverTwoNodes) {
  const double bytes = 256e6;
  ASSERT_GT(bytes / 8 / kLink, bytes / 16 / kNic);
  const CollectiveCost best = cost(kAllGather, Bytes(bytes), 16);
  EXPECT_EQ(best.algorithm, "hierarchical_mesh");
  EXPECT_EQ(best.plane, Plane::kScaleOut);
  EXPECT_NEAR(best.time.value(), bytes / 8 / kLink + 2 * 0.5e-6, 2e-6);
  // Rings inside take 7 times as long over the links: 7 B/8 over one.
  EXPECT_GT(cost(kAllGather, Bytes(bytes), 16, "hierarchical").time / best.time, 6.5);
}

// Over four nodes the NIC decides: 3/4 of B/8 a NIC in each of all-reduce's two phases.
TEST_F(MeshCollectives, AllReduceOverFourNodes) {
  const double bytes = 256e6;
  const CollectiveCost best = cost(kAllReduce, Bytes(bytes), 32);
  EXPECT_EQ(best.algorithm, "hierarchical_mesh");
  EXPECT_NEAR(best.port_bytes.value(), 2 * 0.75 * bytes / 8, 1);
  const double least = 2 * std::max(bytes / 8 / kLink, 0.75 * bytes / 8 / kNic);
  EXPECT_NEAR(best.time.value(), least, 0.01 * least);
}

TEST_F(MeshCollectives, ExpertsOverTwoNodesAreReached) {
  for (const CollectiveOp op : {kEpDispatch, kEpCombine, kAllToAll}) {
    const CollectiveCost found = cost(op, 8_MB, 16);
    EXPECT_GT(found.time.value(), 0) << to_string(op);
    EXPECT_EQ(found.plane, Plane::kScaleOut) << to_string(op);
  }
}

}  // namespace
}  // namespace supernode
