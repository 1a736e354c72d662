#pragma once
// A full mesh inside a node: every device linked directly to every device of the node's other chips (HCCS of the Atlas
// 800T A2, eight NPUs with seven links each). There is no switch, and devices do not forward: one device reaches one
// other over their one link, and its whole port only when it talks to all of them at once.

#include <vector>

#include "topology/fabric.hpp"
#include "topology/node_builder.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

// Joins the devices of each node. A link's bandwidth is the device's share of `scale_up.bandwidth` over its links.
void connect_mesh(Fabric& fabric, const SystemSpec& spec, const std::vector<BuiltNode>& nodes);

}  // namespace supernode
