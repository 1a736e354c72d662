#pragma once
// The most that a set of devices can send to another set at once over one plane of the full graph, whatever the
// routing: the bound that routes, bundles and flow simulations are held against, and the bisection bandwidth of a
// census.

#include <span>

#include "topology/fabric.hpp"

namespace supernode {

// Switches and NICs forward, devices on a grid; the sibling of a device that has lost every link into the plane
// forwards for it over the die-to-die link. What is left of a link counts. The sets are disjoint; traffic among the
// devices of one set is not part of it, and neither are die-to-die links but for the siblings'.
BytesPerSecond max_flow(const Fabric& fabric, Plane plane, std::span<const DeviceId> from,
                        std::span<const DeviceId> to);

}  // namespace supernode
