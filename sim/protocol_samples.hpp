#pragma once
// A measured row as a call over devices of the system's fabric, with the time it took.

#include <optional>
#include <string>
#include <vector>

#include "base/collective.hpp"
#include "base/ids.hpp"
#include "calibration/collective_trace.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

struct ProtocolSample {
  CollectiveOp op = CollectiveOp::kAllReduce;
  CollectiveCall call;  // what was moved
  std::vector<DeviceId> members;
  bool scale_out = false;
  Seconds measured{};
  bool low_latency = false;  // an EP kernel made for decoding
  std::string source;
};

// What a row lacks for its time or its bytes; "" when nothing.
std::string why_no_sample(const CollectiveTraceRow& row);

// Absent when the row lacks something.
//   * bytes: nccl-tests buffer; a rate without a size is an asymptote, taken at 8 GiB.
//   * ranks: packed node by node, unless the row says on how many nodes.
//   * EP, throughput mode: tokens × hidden × element, each token once per rank. Published GB/s count what a rank
//     receives, its own tokens included: one copy per rank inside a scale-up domain, one per node across RDMA (DeepEP's
//     tests), one per expert where the library sends so (DeepEP-Ascend's test counts its tokens expert by expert).
//   * EP, low-latency mode (DeepEP low_latency, CANN): one copy per expert.
std::optional<ProtocolSample> protocol_sample(const SystemSpec& system, const CollectiveTraceRow& row,
                                              bool copy_per_expert = false);

// The fewest chips that hold the members of all samples; 1 for none.
std::int64_t chips_for(const SystemSpec& system, const std::vector<ProtocolSample>& samples);

}  // namespace supernode
