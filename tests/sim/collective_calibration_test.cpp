// From published rows to samples, and from samples back to the protocol that made them.

#include <gtest/gtest.h>

#include "sim/collective_cost.hpp"
#include "sim/protocol_rows.hpp"
#include "sim/protocol_samples.hpp"
#include "tests/sim/collective_fixture.hpp"

namespace supernode {
namespace {

using namespace test;
using enum CollectiveOp;

// Two nodes' worth of a plain 8-device box: 400 GB/s scale-up, 50 GB/s NICs.
SystemSpec box() {
  SystemSpec spec;
  spec.name = "box";
  spec.kind = FabricKind::kHgx;
  spec.scale_up.bandwidth.value = 400_GBps;
  spec.scale_up.sub_planes.value = 4;
  spec.scale_up.hop_latency.value = 0.3_us;
  spec.scale_out.bandwidth.value = 50_GBps;
  spec.scale_out.hop_latency.value = 0.5_us;
  spec.scale_out.leaf_ports.value = 64;
  spec.scale_out.oversubscription.value = 1;
  return spec;
}

CollectiveTraceRow row(CollectiveOp op, std::int64_t ranks, std::int64_t nodes) {
  CollectiveTraceRow row;
  row.system = "box";
  row.software = "nccl";
  row.op = op;
  row.ranks = ranks;
  row.nodes = nodes;
  row.source = "somewhere (with a remark)";
  return row;
}

TEST(ProtocolSample, PlacesRanksNodeByNode) {
  const SystemSpec spec = box();
  CollectiveTraceRow r = row(kAllReduce, 4, 2);
  r.bytes = 1_MB;
  r.time = 10_us;
  const auto sample = protocol_sample(spec, r);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->members, (std::vector{DeviceId(0), DeviceId(1), DeviceId(8), DeviceId(9)}));
  EXPECT_TRUE(sample->scale_out);
  EXPECT_EQ(sample->source, "somewhere");
  r.nodes = 0;
  EXPECT_EQ(protocol_sample(spec, r)->members, devices(4));
  EXPECT_FALSE(protocol_sample(spec, r)->scale_out);
}

// 2·7/8 · 80 MB / 200 GB/s = 700 us.
TEST(ProtocolSample, TurnsBusBandwidthIntoTime) {
  CollectiveTraceRow r = row(kAllReduce, 8, 1);
  r.bytes = 80_MB;
  r.busbw = 200_GBps;
  EXPECT_NEAR(protocol_sample(box(), r)->measured.value() * 1e6, 700, 1e-6);
}

TEST(ProtocolSample, RefusesWhatItCannotUse) {
  CollectiveTraceRow r = row(kAllReduce, 8, 1);
  EXPECT_FALSE(protocol_sample(box(), r));  // neither time nor rate
  r.time = 10_us;
  EXPECT_FALSE(protocol_sample(box(), r));  // a time for unknown bytes
  CollectiveTraceRow ep = row(kEpDispatch, 8, 1);
  ep.busbw = 100_GBps;
  EXPECT_FALSE(protocol_sample(box(), ep));  // unknown tokens
}

// 1000 tokens × 1024 × 2 B = 2.048 MB; one expert a rank, top-2 of 8: 2 distinct ranks a token, its own counted:
// 4.096 MB received at 100 GB/s = 40.96 us.
TEST(ProtocolSample, ThroughputModeCountsACopyPerRank) {
  CollectiveTraceRow r = row(kEpCombine, 8, 1);
  r.software = "deepep";
  r.tokens = 1000, r.hidden = 1024, r.topk = 2, r.experts = 8;
  r.busbw = 100_GBps;
  const auto sample = protocol_sample(box(), r);
  ASSERT_TRUE(sample);
  EXPECT_NEAR(sample->measured.value() * 1e6, 40.96, 1e-6);
  EXPECT_NEAR(sample->call.bytes.value(), 2.048e6, 1e-6);
  EXPECT_EQ(sample->call.op, kEpCombine);
}

// Across RDMA the published rate counts a copy per node: 16 experts on 2 nodes, top-2: 2·(1 - (8·7)/(16·15)) nodes.
TEST(ProtocolSample, ThroughputModeAcrossNodesCountsACopyPerNode) {
  CollectiveTraceRow r = row(kEpCombine, 16, 2);
  r.tokens = 1000, r.hidden = 1024, r.topk = 2, r.experts = 16;
  r.busbw = 50_GBps;
  const double nodes = 2 * (1 - 8.0 * 7 / (16 * 15));
  EXPECT_NEAR(protocol_sample(box(), r)->measured.value(), 2.048e6 * nodes / 50e9, 1e-12);
}

// The same where a copy goes to each of the two experts, on whatever rank: twice 2.048 MB at 100 GB/s.
TEST(ProtocolSample, ThroughputModeCountsACopyPerExpertWhereTheLibrarySendsSo) {
  CollectiveTraceRow r = row(kEpCombine, 8, 1);
  r.tokens = 1000, r.hidden = 1024, r.topk = 2, r.experts = 256;
  r.busbw = 100_GBps;
  EXPECT_NEAR(protocol_sample(box(), r, true)->measured.value() * 1e6, 40.96, 1e-6);
  EXPECT_LT(protocol_sample(box(), r, false)->measured.value() * 1e6, 40);
}

TEST(ProtocolSample, LowLatencyModeIsACallOfItsOwn) {
  CollectiveTraceRow r = row(kEpDispatch, 8, 1);
  r.software = "deepep";
  r.note = "DeepEP V1 low-latency";
  r.dtype = "int8";
  r.tokens = 100, r.hidden = 1000, r.topk = 8, r.experts = 256;
  r.time = 80_us;
  const auto sample = protocol_sample(box(), r);
  ASSERT_TRUE(sample);
  EXPECT_TRUE(sample->low_latency && sample->call.routing.low_latency);
  EXPECT_EQ(sample->call.op, kEpDispatch);
  EXPECT_NEAR(sample->call.bytes.value(), 100e3, 1e-6);
  r.note = "DeepEP ll num_token=32";  // what was run; the column names the configuration
  EXPECT_NEAR(protocol_sample(box(), r)->call.bytes.value(), 32e3, 1e-6);
}

// Rows made by a known protocol lead back to times within 3 % of it, also at a size and a group that no row has.
TEST(CalibrateProtocol, FindsTheProtocolThatMadeTheRows) {
  const SystemSpec spec = box();
  const Fabric fabric = build_fabric(spec, 8);
  CollectiveProtocol truth;
  truth.fits["scale_up.all_gather"] = fit(4_us, 1.5_us, 0.75);
  CollectiveCostModel model(fabric, truth);
  std::vector<CollectiveTraceRow> rows;
  for (const int n : {2, 3, 8})
    for (double bytes = 16384; bytes < 2e9; bytes *= 4) {
      CollectiveTraceRow r = row(kAllGather, n, 1);
      r.bytes = Bytes(bytes);
      r.time = model.cost({kAllGather, *r.bytes, {}}, devices(n)).time;
      rows.push_back(r);
    }
  const CalibratedProtocol found = calibrate_protocol(spec, rows);
  ASSERT_EQ(found.fits.size(), 1u);
  EXPECT_EQ(found.fits[0].key, "scale_up.all_gather");
  EXPECT_EQ(found.fits[0].rows, static_cast<std::int64_t>(rows.size()));
  EXPECT_LT(found.fits[0].p90_error, 0.03);
  CollectiveCostModel again(fabric, found.protocol);
  for (const Bytes bytes : {100_KiB, 3_MiB, 700_MiB}) {
    const CollectiveCall call{kAllGather, bytes, {}};
    EXPECT_NEAR(again.cost(call, devices(5)).time / model.cost(call, devices(5)).time, 1, 0.03);
  }
}

// Rows of rings over 4 nodes of 8, which the NICs bind: S · 31/32 / 8 at 50 GB/s. A hierarchy, were it allowed, would
// be bound by the 400 GB/s ports with S · 7/8, and explain the rows with as much lower an efficiency as it is faster.
TEST(CalibrateProtocol, ExplainsRowsByTheAlgorithmsOfTheLibrary) {
  const SystemSpec spec = box();
  const Fabric fabric = build_fabric(spec, 32);
  CollectiveProtocol truth;
  truth.algorithms[kAllGather] = {"ring"};
  truth.fits["scale_out.all_gather"] = fit(4_us, 1_us, 0.8);
  CollectiveCostModel model(fabric, truth);
  std::vector<CollectiveTraceRow> rows;
  for (double bytes = 1e6; bytes < 9e9; bytes *= 4) {
    CollectiveTraceRow r = row(kAllGather, 32, 4);
    r.bytes = Bytes(bytes);
    r.time = model.cost({kAllGather, *r.bytes, {}}, devices(32)).time;
    rows.push_back(r);
  }
  const auto efficiency = [](const CalibratedProtocol& found) {
    return found.protocol.fits.at("scale_out.all_gather").regimes.back().efficiency.value;
  };
  const CalibratedProtocol found = calibrate_protocol(spec, rows, {{}, {}, truth.algorithms});
  EXPECT_NEAR(efficiency(found), 0.8, 0.01);
  EXPECT_EQ(found.protocol.algorithms, truth.algorithms);
  EXPECT_NE(found.text.find("  all_gather: [ring]"), std::string::npos);
  EXPECT_NEAR(efficiency(calibrate_protocol(spec, rows)), 0.8 * (7.0 / 8 / 400) / (31.0 / 32 / 8 / 50), 0.01);
}

// A rate that no ring could reach (bus bandwidth above the port's) is proof of reduction in the switch.
TEST(CalibrateProtocol, TakesImpossibleRatesForInNetworkReduction) {
  const SystemSpec spec = box();
  for (const double rate : {350e9, 440e9}) {
    std::vector<CollectiveTraceRow> rows;
    for (double bytes = 16384; bytes < 4e9; bytes *= 4) {
      CollectiveTraceRow r = row(kAllReduce, 8, 1);
      r.bytes = Bytes(bytes);
      r.time = 20_us + *r.bytes * 1.75 / BytesPerSecond(rate);
      rows.push_back(r);
    }
    const CalibratedProtocol found = calibrate_protocol(spec, rows);
    EXPECT_EQ(found.protocol.fits.at("scale_up.all_reduce").in_network_reduction, rate > 400e9);
    EXPECT_LT(found.fits[0].median_error, 0.1);
  }
}

TEST(CalibrateProtocol, LeavesOutWhatItIsToldTo) {
  const SystemSpec spec = box();
  std::vector<CollectiveTraceRow> rows;
  for (double bytes = 16384; bytes < 2e9; bytes *= 4)
    for (const bool slow : {false, true}) {
      CollectiveTraceRow r = row(kAllGather, 8, 1);
      r.bytes = Bytes(bytes);
      r.note = slow ? "over a slow network" : "";
      r.time = (10_us + *r.bytes / 300_GBps) * (slow ? 10.0 : 1.0);
      rows.push_back(r);
    }
  EXPECT_EQ(calibrate_protocol(spec, rows, {{"slow network"}, {}, {}}).fits[0].rows,
            static_cast<std::int64_t>(rows.size() / 2));
  EXPECT_THROW(calibrate_protocol(spec, rows, {{"nccl"}, {}, {}}), std::runtime_error);
}

}  // namespace
}  // namespace supernode
