// How fast collectives are simulated: one switch, ports of 196 GB/s (a CloudMatrix die's), 1 us from rank to rank.
// "each flow" and "SimGrid" simulate every flow; the others fold symmetric ones and give the same time.
//
// Beside them what other simulators take for the same case, on a machine of two cores like the one that this was
// measured on; single runs, so read the ratios. ASTRA-sim 2.0 (analytical backend, congestion-aware: a, or not: u),
// ATLAHS' LogGOPSim, htsim (packet level), and a plain SimGrid program.

#include <chrono>

#include "base/quantity.hpp"
#include "sim/flow.hpp"
#include "sim/flow_plan.hpp"
#include "tools/benchmark/bench_case.hpp"

namespace supernode {
namespace {

using namespace literals;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Fabric one_switch(int ranks) {
  Fabric fabric;
  const VertexId hub = fabric.add_vertex(VertexKind::kSwitch, "hub", "hub.L1");
  for (int i = 0; i < ranks; ++i) {
    const DeviceId device = fabric.add_device("d" + std::to_string(i), {i, i / 8, 0});
    fabric.connect(fabric.vertex(device), hub, {196_GBps, 0.5_us, Medium::kCopper, Plane::kScaleUp, 0});
  }
  fabric.seal();
  return fabric;
}

struct Case {
  int ranks;
  const char* algorithm;
  CollectiveCall call;
  FlowEngine engine;
  const char* peers;
};

std::string name_of(const Case& c) {
  const char* engine = c.engine == FlowEngine::kEachFlow  ? ", each flow"
                       : c.engine == FlowEngine::kSimGrid ? ", SimGrid"
                                                          : "";
  return std::to_string(c.ranks) + " " + c.algorithm + " " + std::string(to_string(c.call.op)) + engine;
}

BenchResult run(const Case& c) {
  const Fabric fabric = one_switch(c.ranks);
  std::vector<DeviceId> members;
  for (int i = 0; i < c.ranks; ++i) members.push_back(DeviceId(i));
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const FlowOptions options{.siblings_active = false, .aggregate_rounds = false, .engine = c.engine};
  const Clock::time_point start = Clock::now();
  const auto rounds = registry.find(c.algorithm)->rounds(c.call, group_shape(fabric, members));
  const FlowPlan plan = plan_flows(fabric, members, rounds, options);
  const double prepare = seconds_since(start);
  const FlowResult result = simulate_plan(fabric, plan, options);
  const double wall = seconds_since(start) - prepare;
  return {name_of(c), "flows", result.flows, prepare, wall, result.time.value() * 1e6, c.peers};
}

constexpr const char* kRing384 = "ASTRA-sim u 0.66 a 1.09, SimGrid 0.51, htsim 942";
constexpr const char* kRing1024 = "ASTRA-sim u 5.7 a 9.5, SimGrid 3.5, LogGOPSim 38";
constexpr const char* kWindowed = "SimGrid 1.5";
constexpr const char* kDirect384 = "ASTRA-sim a 3.25, LogGOPSim 1.4, SimGrid 57, htsim 453";
constexpr const char* kDirect1024 = "ASTRA-sim a 29, LogGOPSim 310";

const CollectiveCall kReduce64{CollectiveOp::kAllReduce, 64_MiB, {}};
const CollectiveCall kReduce1024{CollectiveOp::kAllReduce, 1_GiB, {}};
const CollectiveCall kExchange{CollectiveOp::kAllToAll, 64_MiB, {}};

}  // namespace

std::vector<Bench> flow_benches() {
  return {
      [] {
        return run({384, "ring", kReduce64, FlowEngine::kFolded, kRing384});
      },
      [] {
        return run({384, "ring", kReduce64, FlowEngine::kEachFlow, kRing384});
      },
      [] {
        return run({384, "ring", kReduce64, FlowEngine::kSimGrid, kRing384});
      },
      [] {
        return run({384, "windowed", kExchange, FlowEngine::kFolded, kWindowed});
      },
      [] {
        return run({384, "windowed", kExchange, FlowEngine::kEachFlow, kWindowed});
      },
      [] {
        return run({384, "windowed", kExchange, FlowEngine::kSimGrid, kWindowed});
      },
      [] {
        return run({384, "direct", kExchange, FlowEngine::kFolded, kDirect384});
      },
      [] {
        return run({384, "direct", kExchange, FlowEngine::kEachFlow, kDirect384});
      },
      [] {
        return run({1024, "ring", kReduce1024, FlowEngine::kFolded, kRing1024});
      },
      [] {
        return run({1024, "ring", kReduce1024, FlowEngine::kEachFlow, kRing1024});
      },
      [] {
        return run({1024, "direct", kExchange, FlowEngine::kFolded, kDirect1024});
      },
  };
}

}  // namespace supernode
