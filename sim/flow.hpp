#pragma once
// Runs rounds of transfers as flows over the fabric's routes in SimGrid (max-min sharing, latency per hop) and reports
// the time on the bare fabric: no software, no protocol. SimGrid stays behind this wall. Rounds of thousands of flows
// at once are solved by the fold of sim/flow_engine.hpp.

#include <map>
#include <vector>

#include "base/ids.hpp"
#include "base/quantity.hpp"
#include "sim/collective_algorithm.hpp"
#include "topology/fabric.hpp"

namespace supernode {

struct FlowResult {
  Seconds time{};
  Seconds latency{};                // of `time`, hop latencies along the longest chain of rounds
  std::int64_t flows = 0;           // simulated
  std::map<BundleId, Bytes> bytes;  // carried per bundle
  BundleId busiest;                 // highest bytes / bandwidth
  double busiest_utilisation = 0;   // of the busiest bundle over `time`
};

struct FlowOptions {
  // Every device under a shared bundle runs a sibling group of the same collective at the same time (the 8
  // data-parallel groups of a TP8 node), so a group gets the share of each bundle that its members are of the devices
  // below it.
  bool siblings_active = true;
  // Simulate one of a run of equal rounds and multiply: exact when all ranks take as long, else as if no rank ran
  // ahead.
  bool aggregate_rounds = true;
};

// `members[i]` is the device of group position i. Runs in a child process (one SimGrid engine per process).
// Throws std::runtime_error if the child fails.
FlowResult simulate_flows(const Fabric& fabric, const std::vector<DeviceId>& members, const std::vector<Round>& rounds,
                          const FlowOptions& options = {});

// The same for rounds already laid over their routes (sim/flow_plan.hpp).
struct FlowPlan;
FlowResult simulate_plan(const Fabric& fabric, const FlowPlan& plan, const FlowOptions& options = {});

}  // namespace supernode
