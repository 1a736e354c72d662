#pragma once
// The bandwidth between two sets of devices by structure: vertices that stand alike towards both sets (the leaves under
// the first half, the L2 chips of one sub-plane) are folded into one, and the maximum flow of the folded graph, a dozen
// vertices for any cluster, is found by augmenting paths (Edmonds and Karp, 1972). Folding never lowers a maximum flow,
// and where the folded vertices are alike it does not raise it either: exact on a healthy fabric whose leaves are
// equally filled, an upper bound else. topology/max_flow.hpp asks the full graph.

#include <span>

#include "base/ids.hpp"
#include "topology/fabric.hpp"

namespace supernode {

// Over one plane (kLocal links allowed), one direction, faults taken off. The sets are disjoint; other devices do not
// forward.
BytesPerSecond folded_flow(const Fabric& fabric, Plane plane, std::span<const DeviceId> from,
                           std::span<const DeviceId> to);

}  // namespace supernode
