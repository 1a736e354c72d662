// The cost of a collective: bounds, the choice of algorithm, the protocol on top, and caching.

#include "sim/collective_cost.hpp"

#include <gtest/gtest.h>

#include "tests/sim/collective_fixture.hpp"

namespace supernode {
namespace {

using namespace test;
using enum CollectiveOp;

double us(Seconds time) { return time.value() * 1e6; }

void expect_equal(const CollectiveCost& a, const CollectiveCost& b) {
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.latency, b.latency);
  EXPECT_EQ(a.port_bytes, b.port_bytes);
  EXPECT_EQ(a.port_bandwidth, b.port_bandwidth);
  EXPECT_EQ(a.plane, b.plane);
  EXPECT_EQ(a.algorithm, b.algorithm);
  EXPECT_EQ(a.rounds, b.rounds);
}

struct Group {
  std::string name;
  Fabric fabric;
  std::vector<DeviceId> members;
  BytesPerSecond egress;  // all that a device can send at once
};

std::vector<Group> groups() {
  std::vector<Group> groups;
  groups.push_back({"star", star(16, 100_GBps, 1_us), devices(16), 100_GBps});
  groups.push_back({"three", star(16, 100_GBps, 1_us), devices(3), 100_GBps});
  groups.push_back({"two tiers", two_tier(4, 4, 100_GBps, 400_GBps, 1_us), devices(16), 100_GBps});
  groups.push_back({"thin uplink", two_tier(4, 4, 100_GBps, 200_GBps, 1_us), devices(16), 100_GBps});
  groups.push_back({"one a node", rails(8, 4, 400_GBps, 50_GBps, 2_us), devices(8, 0, 4), 50_GBps});
  groups.push_back({"whole nodes", rails(4, 4, 400_GBps, 50_GBps, 2_us), devices(16), 450_GBps});
  groups.push_back({"uneven", rails(4, 4, 400_GBps, 50_GBps, 2_us), devices(10, 1), 450_GBps});
  return groups;
}

// No result beats its bound: what must leave each rank over all its ports together. (Reduction in the network halves
// it.)
TEST(CollectiveCost, NoResultBeatsItsBound) {
  const CollectiveProtocol protocol = bare_protocol();
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  int seen = 0;
  for (const Group& g : groups()) {
    CollectiveCostModel model(g.fabric, protocol);
    const GroupShape shape = group_shape(g.fabric, g.members);
    for (const CollectiveOp op : {kAllReduce, kAllGather, kReduceScatter, kAllToAll, kEpDispatch, kEpCombine})
      for (const Bytes bytes : {1_KiB, 1_MiB, 256_MiB})
        for (const auto& algorithm : registry.all()) {
          const CollectiveCall call{op, bytes, {8, 256, 0}};
          const bool in_network = algorithm->name() == "nvls" || algorithm->name() == "sharp";
          if (in_network || !algorithm->supports(call, shape)) continue;
          const CollectiveCost cost = model.cost(call, g.members, algorithm->name());
          const Seconds bound = bytes * bus_factor(op, shape.size(), call.routing) / g.egress;
          EXPECT_GE(cost.time.value(), bound.value() * (1 - 1e-6)) << g.name << ' ' << algorithm->name();
          EXPECT_LE(cost.rate().value(), cost.port_bandwidth.value() * (1 + 1e-6))
              << g.name << ' ' << algorithm->name();
          EXPECT_LE(cost.latency, cost.time);
          ++seen;
        }
  }
  EXPECT_GT(seen, 200);
}

TEST(CollectiveCost, TheDefaultIsTheFastestOfAll) {
  CollectiveProtocol protocol = bare_protocol();
  protocol.fits["scale_up.all_reduce"] = fit(5_us, 2_us, 0.8);
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  for (const Group& g : groups()) {
    CollectiveCostModel model(g.fabric, protocol);
    const GroupShape shape = group_shape(g.fabric, g.members);
    for (const CollectiveOp op : {kAllReduce, kAllGather, kAllToAll, kEpDispatch})
      for (const Bytes bytes : {16_KiB, 4_MiB, 1_GiB}) {
        const CollectiveCall call{op, bytes, {8, 256, 0}};
        Seconds fastest(1e9);
        for (const auto& algorithm : registry.all())
          if (algorithm->name() != "nvls" && allows({}, op, algorithm->name()) && algorithm->supports(call, shape))
            fastest = min(fastest, model.cost(call, g.members, algorithm->name()).time);
        EXPECT_EQ(model.cost(call, g.members).time, fastest) << g.name << ' ' << to_string(op);
      }
  }
}

// launch + steps·alpha + log2(n)·sync + hops + wire / e, ring of 8 on 100 GB/s: 14/8 · 80 MB = 140 MB, 1400 us, hops 14
// us; a rank's own 10 MB copied at 0.45 of the time, 45 us.
TEST(CollectiveCost, AddsTheProtocol) {
  CollectiveProtocol protocol;
  protocol.fits["scale_up.all_reduce"] = fit(10_us, 2_us, 0.8);
  protocol.fits["scale_up.all_reduce"].regimes[0].sync.value = 3_us;
  const Fabric fabric = star(8, 100_GBps, 0.5_us);
  CollectiveCostModel model(fabric, protocol);
  const CollectiveCost cost = model.cost({kAllReduce, 80_MB, {}}, devices(8), "ring");
  EXPECT_NEAR(us(cost.time), 10 + 14 * 2 + 3 * 3 + 14 + (1400 + 45) / 0.8, 1e-3);
  EXPECT_NEAR(us(cost.latency), 10 + 14 * 2 + 3 * 3 + 14, 1e-3);
  EXPECT_NEAR(us(cost.software), 10 + 14 * 2 + 3 * 3, 1e-3);
  EXPECT_NEAR(cost.port_bytes.value(), 140e6, 1);
  EXPECT_EQ(cost.port_bandwidth, 100_GBps);
  EXPECT_EQ(cost.plane, Plane::kScaleUp);
  EXPECT_EQ(cost.rounds, 14);
}

// Two regimes meet where 5 us + S·7/8/30 GB/s = 40 us + S·7/8/80 GB/s, own copy aside: 1.9 MB. A limit of 100 KB a rank
// hands over before.
TEST(CollectiveCost, TakesTheFastestRegimeThatItsLimitAdmits) {
  CollectiveProtocol protocol;
  protocol.algorithms[kAllGather] = {"ring"};
  ProtocolFit& gather = protocol.fits["scale_up.all_gather"];
  gather = fit(5_us, {}, 0.3);
  gather.regimes.push_back(fit(40_us, {}, 0.8).regimes[0]);
  const Fabric fabric = star(8, 100_GBps, Seconds{});
  const auto software = [&](Bytes bytes) {
    return us(CollectiveCostModel(fabric, protocol).cost({kAllGather, bytes, {}}, devices(8)).software);
  };
  EXPECT_NEAR(software(1_MB), 5, 1e-6);
  EXPECT_NEAR(software(4_MB), 40, 1e-6);
  gather.regimes[0].limit.value = 100000_B;
  EXPECT_NEAR(software(1_MB), 40, 1e-6);
  EXPECT_NEAR(software(800000_B), 5, 1e-6);
}

// 1000 tokens, each to all of 4 ranks, its own among them: 4 MB at 80 GB/s are 50 us, of a tenth of the bytes 5. The
// kernel needs 40 us for them.
TEST(CollectiveCost, AKernelTakesItsTimeForEachToken) {
  CollectiveProtocol protocol;
  protocol.fits["scale_up.ep_dispatch"] = fit(10_us, {}, 0.8);
  protocol.fits["scale_up.ep_dispatch"].token.value = Seconds(40e-9);
  const Fabric fabric = star(4, 100_GBps, Seconds{});
  CollectiveCostModel model(fabric, protocol);
  const auto time = [&](Bytes token, double tokens) {
    const TokenRouting routing{.topk = 8, .experts = 256, .even = true, .tokens = tokens};
    return us(model.cost({kEpDispatch, token * 1000.0, routing}, devices(4), "direct").time);
  };
  EXPECT_NEAR(time(1000_B, 1000), 60, 1e-3);
  EXPECT_NEAR(time(100_B, 1000), 50, 1e-3);
  EXPECT_NEAR(time(100_B, 0), 15, 1e-3);
}

TEST(CollectiveCost, UsesTheScopeOfTheWidestPlane) {
  CollectiveProtocol protocol;
  protocol.fits["scale_up.all_gather"] = fit(1_us, {}, 1);
  protocol.fits["scale_out.all_gather"] = fit(100_us, {}, 1);
  const Fabric fabric = rails(4, 4, 400_GBps, 50_GBps, Seconds{});
  CollectiveCostModel model(fabric, protocol);
  EXPECT_NEAR(us(model.cost({kAllGather, 1_B, {}}, devices(4)).latency), 1, 1e-6);
  const CollectiveCost across = model.cost({kAllGather, 4_MB, {}}, devices(4, 0, 4));
  EXPECT_EQ(across.plane, Plane::kScaleOut);
  EXPECT_NEAR(us(across.time), 100 + 60, 1e-3);  // 3/4 of 4 MB at 50 GB/s
}

// Two nodes of four: inside 3/4 · 80 MB at 40 GB/s and half of it, 3000 us; across 1/2 · 80 MB / 4 at 50 GB/s, 200 us.
TEST(CollectiveCost, EachPlaneHasItsOwnEfficiency) {
  CollectiveProtocol protocol;
  protocol.fits["scale_up.all_gather"] = fit({}, {}, 0.5);
  protocol.fits["scale_out.all_gather"] = fit({}, {}, 1);
  const Fabric fabric = rails(2, 4, 40_GBps, 50_GBps, Seconds{});
  const auto time = [&] {
    return us(CollectiveCostModel(fabric, protocol).cost({kAllGather, 80_MB, {}}, devices(8), "hierarchical").time);
  };
  EXPECT_NEAR(time(), 3000, 1e-2);
  protocol.fits["scale_up.all_gather"] = fit({}, {}, 1);
  EXPECT_NEAR(time(), 1500, 1e-2);
}

// Reduction over whole nodes: rings and hierarchy both use all four NICs of a node. A ring carries the data of its
// node's other ranks over them too: 15/16 against 3/4 of the buffer.
TEST(CollectiveCost, RingsAndHierarchyUseAllNicsOfANode) {
  const CollectiveProtocol protocol = bare_protocol();
  const Fabric fabric = rails(4, 4, 400_GBps, 50_GBps, 1_us);
  CollectiveCostModel model(fabric, protocol);
  const CollectiveCall call{kAllReduce, 400_MB, {}};
  // 2 · 3/4 · 400 MB / 4 over each NIC at 50 GB/s: 3000 us; hierarchy of 2(3 + 3) rounds with 2 us across.
  EXPECT_NEAR(us(model.cost(call, devices(16), "hierarchical").time), 3000 + 12 * 2, 1);
  // 2 · 15/16 · 400 MB / 4 over each NIC: 3750 us, and 30 rounds with 2 us across.
  EXPECT_NEAR(us(model.cost(call, devices(16), "ring").time), 3750 + 30 * 2, 1);
}

// With ring alone in the list the other algorithms, faster here, are taken only by name.
TEST(CollectiveCost, TheLibraryChoosesAmongItsAlgorithms) {
  CollectiveProtocol protocol = bare_protocol();
  const Fabric fabric = rails(4, 4, 400_GBps, 50_GBps, 1_us);
  const CollectiveCall gather{kAllGather, 400_MB, {}}, reduce{kAllReduce, 400_MB, {}};
  EXPECT_EQ(CollectiveCostModel(fabric, protocol).cost(gather, devices(16)).algorithm, "hierarchical");
  protocol.algorithms[kAllGather] = {"ring"};
  CollectiveCostModel model(fabric, protocol);
  const CollectiveCost ring = model.cost(gather, devices(16));
  EXPECT_EQ(ring.algorithm, "ring");
  EXPECT_LT(model.cost(gather, devices(16), "hierarchical").time, ring.time);
  EXPECT_EQ(model.cost(reduce, devices(16)).algorithm, "hierarchical");
}

TEST(CollectiveCost, SwitchReductionOnlyWhereTheLibraryHasIt) {
  CollectiveProtocol protocol = bare_protocol();
  const Fabric fabric = star(8, 100_GBps, Seconds{});
  EXPECT_NE(CollectiveCostModel(fabric, protocol).cost({kAllReduce, 80_MB, {}}, devices(8)).algorithm, "nvls");
  protocol.fits["scale_up.all_reduce"].in_network_reduction = true;
  const CollectiveCost cost = CollectiveCostModel(fabric, protocol).cost({kAllReduce, 80_MB, {}}, devices(8));
  EXPECT_EQ(cost.algorithm, "nvls");
  EXPECT_NEAR(us(cost.time), 900, 1e-3);  // 80 MB · 9/8 / 100 GB/s
}

TEST(CollectiveCost, PointToPoint) {
  const CollectiveProtocol protocol = bare_protocol();
  const Fabric fabric = star(8, 100_GBps, 1_us);
  CollectiveCostModel model(fabric, protocol);
  EXPECT_NEAR(us(model.cost({kSendRecv, 1_MB, {}}, {DeviceId(1), DeviceId(6)}).time), 12, 1e-6);
}

TEST(CollectiveCost, NothingToDoCostsNothing) {
  const CollectiveProtocol protocol = bare_protocol();
  const Fabric fabric = star(8, 100_GBps, 1_us);
  CollectiveCostModel model(fabric, protocol);
  EXPECT_EQ(model.cost({kAllReduce, 1_MB, {}}, devices(1)).time, Seconds{});
  EXPECT_EQ(model.cost({kAllReduce, 0_B, {}}, devices(8)).time, Seconds{});
}

TEST(CollectiveCost, RefusesAnAlgorithmThatCannotRun) {
  const CollectiveProtocol protocol = bare_protocol();
  const Fabric fabric = star(8, 100_GBps, 1_us);
  CollectiveCostModel model(fabric, protocol);
  EXPECT_THROW(model.cost({kAllToAll, 1_MB, {}}, devices(8), "ring"), std::runtime_error);
  EXPECT_THROW(model.cost({kAllToAll, 1_MB, {}}, devices(8), "no such"), std::runtime_error);
}

TEST(CollectiveCost, PrefetchNeverChangesAResult) {
  const CollectiveProtocol protocol = bare_protocol();
  for (const Group& g : groups()) {
    std::vector<CollectiveCostModel::Request> requests;
    for (const CollectiveOp op : {kAllReduce, kAllGather, kAllToAll, kEpDispatch})
      for (const Bytes bytes : {64_KiB, 64_MiB}) requests.push_back({{op, bytes, {8, 256, 0}}, g.members});
    CollectiveCostModel alone(g.fabric, protocol), one(g.fabric, protocol), two(g.fabric, protocol);
    one.prefetch(requests, 1);
    two.prefetch(requests, 2);
    for (const auto& request : requests) {
      const CollectiveCost expected = alone.cost(request.call, request.members);
      expect_equal(one.cost(request.call, request.members), expected);
      expect_equal(two.cost(request.call, request.members), expected);
    }
  }
}

TEST(CollectiveCost, CongruentGroupsCostTheSame) {
  const CollectiveProtocol protocol = bare_protocol();
  const Fabric fabric = two_tier(4, 4, 100_GBps, 200_GBps, 1_us);
  CollectiveCostModel model(fabric, protocol);
  const CollectiveCall call{kAllToAll, 10_MB, {}};
  expect_equal(model.cost(call, devices(8, 0)), model.cost(call, devices(8, 8)));
  expect_equal(model.cost(call, devices(4, 0, 4)), model.cost(call, devices(4, 3, 4)));
}

TEST(CollectiveCost, MoreBandwidthOrLessLatencyIsNeverSlower) {
  const CollectiveProtocol protocol = bare_protocol();
  for (const CollectiveOp op : {kAllReduce, kAllGather, kAllToAll, kEpDispatch}) {
    const CollectiveCall call{op, 8_MB, {8, 256, 0}};
    const auto time = [&](BytesPerSecond bandwidth, Seconds latency) {
      const Fabric fabric = rails(4, 4, bandwidth * 8.0, bandwidth, latency);
      return CollectiveCostModel(fabric, protocol).cost(call, devices(16)).time.value();
    };
    EXPECT_LE(time(100_GBps, 1_us), time(50_GBps, 1_us) * (1 + 1e-9)) << to_string(op);
    EXPECT_LE(time(50_GBps, 1_us), time(50_GBps, 2_us) * (1 + 1e-9)) << to_string(op);
  }
}

}  // namespace
}  // namespace supernode
