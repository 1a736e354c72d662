// Loads and stores: the formula, and the fit to rows that it made.
#include <gtest/gtest.h>

#include <memory>

#include "calibration/memory_fit.hpp"

namespace supernode {
namespace {

using namespace literals;
using enum AccessKind;
using enum AccessTarget;

MemoryAccess truth() {
  MemoryAccess access;
  access.read_latency.value = 0.5_us;
  access.write_latency.value = 0.6_us;
  access.device_latency.value = 0.2_us;
  access.read_device.value = 0.85;
  access.write_device.value = 0.7;
  access.read_cpu.value = 0.95;
  access.write_cpu.value = 0.65;
  return access;
}

// 0.5 us of a load, 0.2 us more at a device, 1.2 us of hops; 170 MB at 0.85 of 200 GB/s: 1 ms.
TEST(MemoryAccess, AddsLatenciesAndTransfer) {
  const MemoryAccess access = truth();
  EXPECT_NEAR(access.latency(kRead, kDevice, 1.2_us).value() * 1e6, 1.9, 1e-9);
  EXPECT_NEAR(access.latency(kWrite, kCpu, 1.2_us).value() * 1e6, 1.8, 1e-9);
  EXPECT_NEAR(access.time(kRead, kDevice, 170_MB, 1.2_us, 200_GBps).value() * 1e6, 1001.9, 1e-6);
  EXPECT_FALSE(MemoryAccess{}.fitted());
}

std::vector<MemoryRow> rows_of(const MemoryAccess& access) {
  std::vector<MemoryRow> rows;
  for (const AccessKind kind : {kRead, kWrite})
    for (const AccessTarget target : {kDevice, kCpu})
      for (const Seconds hops : {0.5_us, 1.2_us}) {
        const BytesPerSecond port = target == kCpu ? 160_GBps : 196_GBps;
        MemoryRow row;
        row.trace.kind = kind, row.trace.target = target, row.trace.bytes = 512_B;
        row.hops = hops, row.port = port;
        row.trace.time = access.time(kind, target, 512_B, hops, port);
        rows.push_back(row);
        row.trace.time.reset();
        row.trace.bandwidth = port * access.efficiency(kind, target);
        rows.push_back(row);
      }
  return rows;
}

TEST(MemoryAccess, TheFitFindsWhatMadeTheRows) {
  const MemoryAccess fit = fit_memory_access(rows_of(truth()));
  EXPECT_NEAR(fit.read_latency.value.value(), 0.5e-6, 1e-9);
  EXPECT_NEAR(fit.write_latency.value.value(), 0.6e-6, 1e-9);
  EXPECT_NEAR(fit.device_latency.value.value(), 0.2e-6, 1e-9);
  EXPECT_NEAR(fit.write_cpu.value, 0.65, 1e-4);
  EXPECT_NEAR(fit.read_device.value, 0.85, 1e-4);
}

TEST(MemoryTrace, ReadsTheRowsOfMemoryAccessOnly) {
  const std::string text =
      "system,op,ranks,nodes,bytes,time_us,busbw_GBps,note,source\n"
      "box,p2p_bw,2,1,,,151,UB intra-node NPU-CPU read,paper\n"
      "box,p2p_latency,2,2,512,2.1,,UB inter-node NPU-NPU write,paper\n"
      "box,all_reduce,8,1,1024,9,,NCCL,paper\n";
  Diagnostics diagnostics;
  const auto rows = read_memory_trace({"t.csv", text}, diagnostics);
  ASSERT_TRUE(rows && !diagnostics.has_errors());
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].target, kCpu);
  EXPECT_EQ((*rows)[0].kind, kRead);
  EXPECT_EQ(*(*rows)[0].bandwidth, 151_GBps);
  EXPECT_TRUE((*rows)[1].other_node);
  EXPECT_EQ((*rows)[1].kind, kWrite);
  EXPECT_EQ((*rows)[1].bytes, 512_B);
}

}  // namespace
}  // namespace supernode
