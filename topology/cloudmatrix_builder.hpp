#pragma once
// The UB plane of a CloudMatrix supernode (arXiv 2506.12708, section 3): sub-planes that never meet, each with one L1
// switch chip a node and a set of L2 switch chips; every L1 chip has one link to every L2 chip of its sub-plane.
// A device (die) and a CPU have one link to each L1 chip of their node.

#include <vector>

#include "topology/fabric.hpp"
#include "topology/node_builder.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

// Joins the nodes of each supernode.
void connect_cloudmatrix(Fabric& fabric, const SystemSpec& spec, const std::vector<BuiltNode>& nodes);

}  // namespace supernode
