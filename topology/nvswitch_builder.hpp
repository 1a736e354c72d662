#pragma once
// The NVLink plane of an HGX node or an NVL rack: one tier of switch chips, every GPU of the domain linked to each of
// them (NVSwitch; DGX H100 and DGX GB200 user guides). HGX: the domain is a node. NVL72: it is a rack of trays.

#include <vector>

#include "topology/fabric.hpp"
#include "topology/node_builder.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

// Joins the nodes of each supernode.
void connect_nvswitch(Fabric& fabric, const SystemSpec& spec, const std::vector<BuiltNode>& nodes);

}  // namespace supernode
