#include "calibration/memory_access.hpp"

namespace supernode {

Seconds MemoryAccess::latency(AccessKind kind, AccessTarget target, Seconds hops) const {
  const Seconds base = kind == AccessKind::kRead ? read_latency.value : write_latency.value;
  return hops + base + (target == AccessTarget::kDevice ? device_latency.value : Seconds{});
}

double MemoryAccess::efficiency(AccessKind kind, AccessTarget target) const {
  const bool device = target == AccessTarget::kDevice;
  if (kind == AccessKind::kRead) return device ? read_device.value : read_cpu.value;
  return device ? write_device.value : write_cpu.value;
}

Seconds MemoryAccess::time(AccessKind kind, AccessTarget target, Bytes bytes, Seconds hops, BytesPerSecond port) const {
  return latency(kind, target, hops) + bytes / (port * efficiency(kind, target));
}

void bind(MemoryAccess& access, SpecReader& reader) {
  reader.sourced({"read_latency", "of a small load from a CPU's memory, without hops", kRequired}, access.read_latency);
  reader.sourced({"write_latency", "of a small store to a CPU's memory, without hops", kRequired},
                 access.write_latency);
  reader.sourced({"device_latency", "more where the memory is a device's", kRequired}, access.device_latency, true);
  const NumberRange share{.min = 0.001, .max = 1};
  reader.sourced_number({"read_device", "share of the port that loads from a device reach", kRequired},
                        access.read_device, share);
  reader.sourced_number({"write_device", "share of the port that stores to a device reach", kRequired},
                        access.write_device, share);
  reader.sourced_number({"read_cpu", "share of the port that loads from a CPU reach", kRequired}, access.read_cpu,
                        share);
  reader.sourced_number({"write_cpu", "share of the port that stores to a CPU reach", kRequired}, access.write_cpu,
                        share);
}

}  // namespace supernode
