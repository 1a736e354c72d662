#include "sim/memory_rows.hpp"

namespace supernode {

AccessPath access_path(const Fabric& fabric, const SystemSpec& system, AccessTarget target, bool other_node) {
  const DeviceId from(0), to(other_node ? system.devices_per_node() : system.devices_per_chip);
  const BytesPerSecond own = fabric.port_bandwidth(from, Plane::kScaleUp);
  const BytesPerSecond other =
      target == AccessTarget::kCpu ? system.scale_up.cpu_bandwidth.value : fabric.port_bandwidth(to, Plane::kScaleUp);
  return {fabric.route(from, to).latency, min(own, other)};
}

std::vector<MemoryRow> memory_rows(const SystemSpec& system, const std::vector<MemoryTraceRow>& rows) {
  std::vector<MemoryRow> ours;
  const Fabric fabric = build_fabric(system, 2 * system.chips_per_node);
  for (const MemoryTraceRow& row : rows) {
    if (row.system != system.name) continue;
    const AccessPath path = access_path(fabric, system, row.target, row.other_node);
    ours.push_back({row, path.hops, path.port});
  }
  return ours;
}

}  // namespace supernode
