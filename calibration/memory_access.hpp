#pragma once
// Loads and stores of one device to the memory of another processor in its scale-up domain (UB memory semantics):
//
//   time(bytes) = kind's latency + (device memory: device_latency) + hops + bytes / (efficiency · port)
//
// `hops` is the route's latency on the fabric, `port` the narrower of the two processors' ports. Efficiency is by kind
// of access and of memory, latency by their sum: seven numbers for a system. docs/models/collectives.md.

#include "base/quantity.hpp"
#include "base/spec_reader.hpp"

namespace supernode {

enum class AccessKind { kRead, kWrite };
enum class AccessTarget { kDevice, kCpu };

struct MemoryAccess {
  Sourced<Seconds> read_latency, write_latency;                    // of a small access to a CPU's memory, without hops
  Sourced<Seconds> device_latency;                                 // more where the memory is a device's
  Sourced<double> read_device, write_device, read_cpu, write_cpu;  // shares of the port reached (0, 1]

  bool fitted() const { return read_device.value > 0; }
  Seconds latency(AccessKind kind, AccessTarget target, Seconds hops) const;
  double efficiency(AccessKind kind, AccessTarget target) const;
  Seconds time(AccessKind kind, AccessTarget target, Bytes bytes, Seconds hops, BytesPerSecond port) const;
};

void bind(MemoryAccess& access, SpecReader& reader);

}  // namespace supernode
