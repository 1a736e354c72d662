// What flows cost on the bare fabric, against algebra by hand.

#include "sim/flow.hpp"

#include <gtest/gtest.h>

#include "tests/sim/collective_fixture.hpp"

namespace supernode {
namespace {

using namespace test;

constexpr CollectiveOp kAllToAll = CollectiveOp::kAllToAll;
constexpr CollectiveOp kAllReduce = CollectiveOp::kAllReduce;

double us(Seconds time) { return time.value() * 1e6; }

FlowResult run(const Fabric& fabric, int ranks, const std::vector<Round>& rounds, const FlowOptions& options = {}) {
  return simulate_flows(fabric, devices(ranks), rounds, options);
}

// 64 devices hold 64 MB each (10^6) and send 1 MB to each other one: 63 MB / 900 GB/s = 70.0 us, and 1 us on the link
// into and out of the switch. SimGrid's own default model gives 101.8 us.
TEST(Flow, SixtyFourDeviceAllToAllIsIdeal) {
  const Fabric fabric = star(64, 900_GBps, 1_us);
  const auto rounds = rounds_of(fabric, devices(64), "direct", {kAllToAll, 64_MB, {}});
  EXPECT_NEAR(us(run(fabric, 64, rounds).time), 72.0, 0.072);
}

TEST(Flow, OneTransferTakesLatencyPlusBytesOverBandwidth) {
  const Fabric fabric = star(2, 100_GBps, 3_us);
  EXPECT_NEAR(us(run(fabric, 2, {{{{0, 1, 1_MB}}, 1}}).time), 6 + 10, 1e-6);
}

TEST(Flow, NothingToSendTakesNoTime) {
  const Fabric fabric = star(4, 100_GBps, 3_us);
  EXPECT_EQ(run(fabric, 4, {}).time, Seconds{});
  EXPECT_EQ(run(fabric, 4, {{{{1, 1, 1_MB}, {0, 1, 0_B}}, 1}}).time, Seconds{});
}

// 0→2 and 1→2 share 2's port (50 GB/s each); 1→3 has the other 50 GB/s of 1's port. After 1→2 ends nothing is shared.
//   1 MB on 0→2 and 1→2: both end at 20 us. 3 MB on 1→3: 1 MB by 20 us, 2 MB at 100 GB/s: 40 us.
TEST(Flow, SharesByMaxMin) {
  const Fabric fabric = star(4, 100_GBps, Seconds{});
  EXPECT_NEAR(us(run(fabric, 4, {{{{0, 2, 1_MB}, {1, 2, 1_MB}, {1, 3, 3_MB}}, 1}}).time), 40, 1e-6);
}

// Three flows into port 2 get a third each; the flow 0→1 gets the two thirds of port 0 that 0→2 cannot use.
//   1 MB into 2 from each of 0, 3, 4: 30 us. 2 MB on 0→1 at 66.7 GB/s: 30 us. Fair halves would give 40 us.
TEST(Flow, MaxMinGivesAwayWhatABottleneckedFlowCannotUse) {
  const Fabric fabric = star(5, 100_GBps, Seconds{});
  EXPECT_NEAR(us(run(fabric, 5, {{{{0, 2, 1_MB}, {3, 2, 1_MB}, {4, 2, 1_MB}, {0, 1, 2_MB}}, 1}}).time), 30, 1e-6);
}

// A flow over four hops shares a port evenly with one over two hops: 0→1 (in the node, 2 us) and 0→2 (4 us).
// From 4 us on both run at 50 GB/s; 0→1 ran alone from 2 us and has 0.8 MB left: 4 + 16 = 20 us; then 0→2 has 0.2 MB
// left at 100 GB/s: 22 us. Shares by latency, as TCP would have, give 0→1 two thirds.
TEST(Flow, LongRoutesAreNotUnfairlySlow) {
  const Fabric fabric = two_tier(2, 2, 100_GBps, 1000_GBps, 1_us);
  EXPECT_NEAR(us(run(fabric, 4, {{{{0, 1, 1_MB}, {0, 2, 1_MB}}, 1}}).time), 22, 1e-6);
}

// Full duplex: opposite directions do not share.
TEST(Flow, DirectionsAreIndependent) {
  const Fabric fabric = star(2, 100_GBps, Seconds{});
  EXPECT_NEAR(us(run(fabric, 2, {{{{0, 1, 1_MB}, {1, 0, 1_MB}}, 1}}).time), 10, 1e-6);
}

// Rank 1 passes on in round 2 only what has arrived in round 1; rank 3 does not wait for rank 0's long transfer.
//   round 1: 0→1 2 MB (20 us), 2→3 1 MB (10 us); round 2: 1→2 1 MB (20…30 us), 3→0 3 MB (10…40 us).
TEST(Flow, RanksKeepTheOrderOfTheirOwnRoundsOnly) {
  const Fabric fabric = star(4, 100_GBps, Seconds{});
  const std::vector<Round> rounds = {{{{0, 1, 2_MB}, {2, 3, 1_MB}}, 1}, {{{1, 2, 1_MB}, {3, 0, 3_MB}}, 1}};
  EXPECT_NEAR(us(run(fabric, 4, rounds).time), 40, 1e-6);
}

// 2(n-1)/n·S/B + 2(n-1)·hops: 14/8 · 80 MB / 100 GB/s + 14 · 2 · 0.5 us = 1400 + 14.
TEST(Flow, RingAllReduceIsExact) {
  const Fabric fabric = star(8, 100_GBps, 0.5_us);
  const auto rounds = rounds_of(fabric, devices(8), "ring", {kAllReduce, 80_MB, {}});
  EXPECT_NEAR(us(run(fabric, 8, rounds).time), 1414, 1e-6);
  EXPECT_NEAR(us(run(fabric, 8, rounds, {.aggregate_rounds = false}).time), 1414, 1e-6);
  EXPECT_NEAR(us(run(fabric, 8, rounds).latency), 14, 1e-9);
}

TEST(Flow, BytesAreConservedOnEveryLink) {
  const Fabric fabric = two_tier(2, 4, 100_GBps, 400_GBps, 1_us);
  for (const char* algorithm : {"direct", "pairwise", "hierarchical"}) {
    const auto rounds = rounds_of(fabric, devices(8), algorithm, {kAllToAll, 8_MB, {}});
    Bytes expected{}, carried{};
    for (const Round& round : rounds)
      for (const Transfer& t : round.transfers)
        if (t.from != t.to)
          expected += t.bytes * static_cast<double>(round.repeat) *
                      static_cast<double>(fabric.route(DeviceId(t.from), DeviceId(t.to)).bundles.size());
    for (const auto& [bundle, bytes] : run(fabric, 8, rounds).bytes) carried += bytes;
    EXPECT_NEAR(carried / expected, 1, 1e-12) << algorithm;
  }
}

// All to all of two nodes of 4: the uplink carries 4 × 4 × 1 MB = 16 MB at 160 GB/s, 100 us; ports need 70 us.
TEST(Flow, ReportsTheBusiestBundle) {
  const Fabric fabric = two_tier(2, 4, 100_GBps, 160_GBps, Seconds{});
  const FlowResult result = run(fabric, 8, rounds_of(fabric, devices(8), "direct", {kAllToAll, 8_MB, {}}));
  EXPECT_NEAR(us(result.time), 100, 1e-6);
  EXPECT_NEAR(result.busiest_utilisation, 1, 1e-9);
  EXPECT_EQ(fabric.bundle(result.busiest).devices_below, 4);
}

// A group of one device of each node owns a quarter of the uplink while its three siblings run the same collective:
// 1 MB / (160/4 GB/s) = 25 us; alone it is bound by its port, 10 us.
TEST(Flow, SiblingGroupsShareTheUplink) {
  const Fabric fabric = two_tier(2, 4, 100_GBps, 160_GBps, Seconds{});
  const std::vector<Round> rounds = {{{{0, 1, 1_MB}}, 1}};
  const auto members = devices(2, 0, 4);
  EXPECT_NEAR(us(simulate_flows(fabric, members, rounds, {}).time), 25, 1e-6);
  EXPECT_NEAR(us(simulate_flows(fabric, members, rounds, {.siblings_active = false}).time), 10, 1e-6);
}

// A ring over both whole nodes crosses with one flow, but no sibling competes: it may use all of the uplink.
TEST(Flow, AGroupOfAllDevicesHasTheWholeUplink) {
  const Fabric fabric = two_tier(2, 4, 100_GBps, 160_GBps, Seconds{});
  EXPECT_NEAR(us(run(fabric, 8, {{{{3, 4, 1_MB}}, 1}}).time), 10, 1e-6);
}

// Four supernodes of two devices; the rail's way up to the spine serves 4 devices, one of each node, and carries their
// four NICs: the share of a group with two members on the rail is a half of 4 × 50 GB/s, its NICs bind.
TEST(Flow, SharesARailByTheDevicesOnIt) {
  const Fabric fabric = rails(4, 2, 400_GBps, 50_GBps, Seconds{});
  const auto members = std::vector{DeviceId(0), DeviceId(2), DeviceId(5), DeviceId(7)};
  EXPECT_NEAR(us(simulate_flows(fabric, members, {{{{0, 2, 1_MB}, {1, 3, 1_MB}}, 1}}, {}).time), 20, 1e-6);
}

TEST(Flow, MoreBandwidthIsNeverSlower) {
  double last = 1e300;
  for (const double bandwidth : {50e9, 100e9, 150e9, 400e9}) {
    const Fabric fabric = two_tier(2, 4, BytesPerSecond(bandwidth), 300_GBps, 1_us);
    const FlowResult result = run(fabric, 8, rounds_of(fabric, devices(8), "pairwise", {kAllToAll, 8_MB, {}}));
    EXPECT_LE(result.time.value(), last * (1 + 1e-9));
    last = result.time.value();
  }
}

}  // namespace
}  // namespace supernode
