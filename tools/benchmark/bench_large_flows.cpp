// Catalogue systems: an all-to-all of a CloudMatrix supernode's chips with its planning; hierarchical all-reduce of 1
// GiB over 8,192 ranks, every round simulated.

#include <chrono>
#include <memory>
#include <stdexcept>

#include "base/spec_reader.hpp"
#include "base/yaml.hpp"
#include "sim/flow.hpp"
#include "sim/flow_plan.hpp"
#include "tools/benchmark/bench_case.hpp"
#include "topology/catalog.hpp"
#include "topology/system_spec.hpp"

namespace supernode {
namespace {

using namespace literals;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kRanks = 8192;

SystemSpec system_named(const std::string& name) {
  for (const EmbeddedFile& file : system_catalog()) {
    if (file.name != name) continue;
    Diagnostics diagnostics;
    SystemSpec spec;
    const auto source = std::make_shared<const SourceFile>(SourceFile{file.path, file.text});
    const YamlNode root = parse_yaml(source, diagnostics);  // the reader refers to it
    SpecReader reader(root, "system", diagnostics);
    bind(spec, reader);
    reader.finish();
    if (diagnostics.has_errors()) throw std::runtime_error(diagnostics.render());
    return spec;
  }
  throw std::runtime_error("no system " + name);
}

BenchResult run(const std::string& system) {
  const Clock::time_point start = Clock::now();
  const SystemSpec spec = system_named(system);
  const Fabric fabric = build_fabric(spec, kRanks / spec.devices_per_chip);
  std::vector<DeviceId> members;
  for (std::int64_t i = 0; i < kRanks; ++i) members.push_back(DeviceId(i));
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const FlowOptions options{.aggregate_rounds = false};
  const auto rounds =
      registry.find("hierarchical")->rounds({CollectiveOp::kAllReduce, 1_GiB, {}}, group_shape(fabric, members));
  const FlowPlan plan = plan_flows(fabric, members, rounds, options);
  const double prepare = std::chrono::duration<double>(Clock::now() - start).count();
  const FlowResult result = simulate_plan(fabric, plan, options);
  const double wall = std::chrono::duration<double>(Clock::now() - start).count() - prepare;
  return {"8192 " + system + " hierarchical", "flows", result.flows, prepare, wall, result.time.value() * 1e6, ""};
}

// One die of each chip of a supernode exchanges 64 MiB, its dies' siblings at work; the fabric is there, no route
// known.
BenchResult exchange_of_supernode() {
  const SystemSpec spec = system_named("cloudmatrix-384");
  const Fabric fabric = build_fabric(spec, 384);
  std::vector<DeviceId> members;
  for (std::int64_t chip = 0; chip < 384; ++chip) members.push_back(DeviceId(chip * spec.devices_per_chip));
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const Clock::time_point start = Clock::now();
  const auto rounds =
      registry.find("windowed")->rounds({CollectiveOp::kAllToAll, 64_MiB, {}}, group_shape(fabric, members));
  const FlowPlan plan = plan_flows(fabric, members, rounds, {});
  const double prepare = std::chrono::duration<double>(Clock::now() - start).count();
  const FlowResult result = simulate_plan(fabric, plan);
  const double wall = std::chrono::duration<double>(Clock::now() - start).count() - prepare;
  return {
      "384 cloudmatrix-384 windowed all_to_all", "flows", result.flows, prepare, wall, result.time.value() * 1e6, ""};
}

}  // namespace

std::vector<Bench> large_flow_benches() {
  return {exchange_of_supernode, [] { return run("hgx-h100"); }, [] { return run("cloudmatrix-384"); }};
}

}  // namespace supernode
