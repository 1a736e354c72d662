#include "tools/fabric_load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "sim/collective_algorithm.hpp"
#include "sim/flow_plan.hpp"
#include "tools/format.hpp"

namespace supernode {

namespace {

// Bandwidth-optimal algorithms first: what a library runs at large sizes.
const CollectiveAlgorithm* choose(const CollectiveRegistry& registry, const CollectiveCall& call,
                                  const GroupShape& shape) {
  for (const char* name : {"pairwise", "direct", "hierarchical", "ring"}) {
    const CollectiveAlgorithm* algorithm = registry.find(name);
    if (algorithm && algorithm->supports(call, shape)) return algorithm;
  }
  for (const auto& algorithm : registry.all()) {
    if (algorithm->supports(call, shape)) return algorithm.get();
  }
  return nullptr;
}

std::string name_of(CollectiveOp op) {
  std::string name(to_string(op));
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace

FabricLoad fabric_load(const Fabric& fabric, CollectiveOp op, Bytes bytes, int supernode) {
  std::vector<DeviceId> members;
  for (std::int64_t i = 0; i < fabric.device_count() && std::ssize(members) < kMostLoadDevices; ++i) {
    if (supernode < 0 || fabric.place(DeviceId(i)).supernode == supernode) members.emplace_back(i);
  }
  FabricLoad load;
  if (members.size() < 2) return load;
  CollectiveRegistry registry;
  register_builtin_collectives(registry);
  const CollectiveCall call{.op = op, .bytes = bytes, .routing = {}};
  const GroupShape shape = group_shape(fabric, members);
  const CollectiveAlgorithm* algorithm = choose(registry, call, shape);
  if (!algorithm) return load;
  FlowOptions options;
  options.siblings_active = false;
  const FlowPlan plan = plan_flows(fabric, members, algorithm->rounds(call, shape), options);
  for (const PlannedLink& link : plan.links) {
    if (link.bundle.valid()) load.bytes[link.bundle] += link.bytes;
  }
  load.time = bandwidth_floor(plan);
  load.text = fmt::format("{} of {} on each of {} devices ({})", name_of(op), bytes_text(bytes), members.size(),
                          algorithm->name());
  return load;
}

}  // namespace supernode
