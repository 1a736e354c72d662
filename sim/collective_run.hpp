#pragma once
// One algorithm of one collective over one group, laid over the fabric: what it costs in steps, hops and bytes before
// any software. The cost model and the calibration of protocols both start from this.

#include <cstdint>
#include <string>
#include <vector>

#include "base/collective.hpp"
#include "sim/collective_algorithm.hpp"
#include "sim/flow_plan.hpp"

namespace supernode {

struct CollectiveRun {
  std::string algorithm;
  std::int64_t steps = 0;       // messages a rank posts one after another
  Plane plane = Plane::kLocal;  // the widest plane crossed
  Bytes port_bytes{};           // most that a rank sends into that plane
  BytesPerSecond port_bandwidth{};
  Bytes chunk{};  // of port_bytes, what goes to one peer on average
  Bytes block{};  // one rank's part of the buffer, or what goes to one peer: what limits of regimes are compared with
  // Inside the scale-up domain the library's kernel copies a rank's own part as well (collective_run.cpp).
  Seconds own_copy{};
  // Least time of what a run across the scale-out plane moves inside the scale-up domain: at that one's efficiency.
  Seconds inner_floor{};
  FlowPlan plan;
  Seconds latency_floor{}, bandwidth_floor{};
  std::uint64_t key = 0;  // of the plan's content; congruent groups have equal keys

  bool crosses_scale_out() const { return plane >= Plane::kScaleOut; }
};

CollectiveRun plan_collective(const Fabric& fabric, const CollectiveAlgorithm& algorithm, const CollectiveCall& call,
                              const std::vector<DeviceId>& members);

// A simulated time in the part that bandwidth decides and the part that hop latencies add to it.
struct WireTime {
  Seconds hops{}, transfer{};  // the transfer with the copy of a rank's own part
};
WireTime split_wire_time(const CollectiveRun& run, Seconds simulated);

}  // namespace supernode
