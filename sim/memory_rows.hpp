#pragma once
// Measured loads and stores of a system laid over its fabric: from a device to a processor of its node or of another,
// over the scale-up switches.

#include <vector>

#include "calibration/memory_fit.hpp"
#include "topology/fabric.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

struct AccessPath {
  Seconds hops{};
  BytesPerSecond port{};  // the narrower of the two processors'
};

// Between the first device and a processor of its own or of the next node. A CPU's port has the latency of a device's
// (topology/cloudmatrix_builder), and a device of the same package is passed over: it is reached without a switch.
AccessPath access_path(const Fabric& fabric, const SystemSpec& system, AccessTarget target, bool other_node);

// The rows of this system with their paths.
std::vector<MemoryRow> memory_rows(const SystemSpec& system, const std::vector<MemoryTraceRow>& rows);

}  // namespace supernode
