// How fast collectives of 384 ranks are simulated: one switch, 900 GB/s ports, 1 us a link, 64 MB a rank.

#include <chrono>

#include "base/quantity.hpp"
#include "sim/flow.hpp"
#include "tools/benchmark/bench_case.hpp"

namespace supernode {
namespace {

using namespace literals;
using Clock = std::chrono::steady_clock;

constexpr int kRanks = 384;

Fabric one_switch() {
  Fabric fabric;
  const VertexId hub = fabric.add_vertex(VertexKind::kSwitch, "hub", "hub.L1");
  for (int i = 0; i < kRanks; ++i) {
    const DeviceId device = fabric.add_device("d" + std::to_string(i), {i, i / 8, 0});
    fabric.connect(fabric.vertex(device), hub, {900_GBps, 1_us, Medium::kCopper, Plane::kScaleUp, 0});
  }
  fabric.seal();
  return fabric;
}

BenchResult run(const std::string& algorithm, CollectiveOp op) {
  const Fabric fabric = one_switch();
  std::vector<DeviceId> members;
  for (int i = 0; i < kRanks; ++i) members.push_back(DeviceId(i));
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const auto rounds = registry.find(algorithm)->rounds({op, 64_MB, {}}, group_shape(fabric, members));
  const Clock::time_point start = Clock::now();
  const FlowResult result = simulate_flows(fabric, members, rounds, {.aggregate_rounds = false});
  const double wall = std::chrono::duration<double>(Clock::now() - start).count();
  return {algorithm + " " + std::string(to_string(op)), "flows", result.flows, wall, result.time.value() * 1e6};
}

}  // namespace

BenchResult bench_ring_all_reduce() { return run("ring", CollectiveOp::kAllReduce); }
BenchResult bench_pairwise_all_to_all() { return run("pairwise", CollectiveOp::kAllToAll); }
BenchResult bench_direct_all_to_all() { return run("direct", CollectiveOp::kAllToAll); }

}  // namespace supernode
