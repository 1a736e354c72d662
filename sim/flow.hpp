#pragma once
// Runs rounds of transfers as flows over the fabric's routes (max-min sharing, latency per hop) and reports the time on
// the bare fabric: no software, no protocol. docs/models/flow_engine.md.

#include <map>
#include <vector>

#include "base/ids.hpp"
#include "base/quantity.hpp"
#include "sim/collective_algorithm.hpp"
#include "topology/fabric.hpp"

namespace supernode {

// One link, in the direction of its bundle, that hashed flows (ECMP) have crossed.
struct LinkLoad {
  BundleId bundle;
  LinkId link;
  Bytes bytes{};
  double utilisation = 0;  // of what the link still carries, over the whole time
};

struct FlowResult {
  Seconds time{};
  Seconds latency{};                // of `time`, hop latencies along the longest chain of rounds
  std::int64_t flows = 0;           // simulated, those that stand for symmetric ones counted as all of them
  std::int64_t variables = 0;       // rates that were solved for: fewer than flows where these are symmetric
  std::map<BundleId, Bytes> bytes;  // carried per bundle
  BundleId busiest;                 // highest bytes / bandwidth
  double busiest_utilisation = 0;   // of the busiest bundle over `time`
  std::vector<LinkLoad> links;      // under ECMP: the links that flows were hashed onto, fullest first
};

// Ways to run flows that agree (tests/sim/flow_differential_test.cpp). kFolded: our own event loop with a variable for
// each class of flows that symmetry keeps at one rate (sim/flow_classes.hpp). kEachFlow: the same with a variable for
// each flow. kSimGrid: the reference.
enum class FlowEngine { kFolded, kEachFlow, kSimGrid };

struct FlowOptions {
  // Every device under a shared bundle runs a sibling group of the same collective at the same time (the 8
  // data-parallel groups of a TP8 node), so a group gets the share of each bundle that its members are of the devices
  // below it.
  bool siblings_active = true;
  // Simulate one of a run of equal rounds and multiply: exact when all ranks take as long, else as if no rank ran
  // ahead. False: every round, exact.
  bool aggregate_rounds = true;
  FlowEngine engine = FlowEngine::kFolded;
};

// `members[i]` is the device of group position i. SimGrid runs in a child process (it has one engine a process); throws
// std::runtime_error if the child fails.
FlowResult simulate_flows(const Fabric& fabric, const std::vector<DeviceId>& members, const std::vector<Round>& rounds,
                          const FlowOptions& options = {});

// The same for rounds already laid over their routes (sim/flow_plan.hpp).
struct FlowPlan;
FlowResult simulate_plan(const Fabric& fabric, const FlowPlan& plan, const FlowOptions& options = {});

}  // namespace supernode
