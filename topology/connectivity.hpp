#pragma once
// Whether faults leave a way between all devices that a job may run on.

#include <vector>

#include "topology/fabric.hpp"

namespace supernode {

// Throws FaultError, naming two devices, when there is none: within a supernode over the scale-up plane, a sibling die
// or the NICs; between supernodes over the NICs. Devices of the `drained` nodes (ascending) need none. Works on the
// links of the full graph, sealed or not.
void check_connected(const Fabric& fabric, const std::vector<std::int64_t>& drained);

}  // namespace supernode
