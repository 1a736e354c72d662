#pragma once
// A scale-up plane composed of layers that the user lists (topology/layer_spec.hpp).

#include <vector>

#include "topology/fabric.hpp"
#include "topology/node_builder.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

// Throws std::invalid_argument when the layers do not span a supernode: grid layers below switch layers, the product of
// all sizes the supernode's devices, a dragonfly above a switch layer.
void check_layers(const SystemSpec& spec);

// Joins the nodes of each supernode. A partly filled supernode is only possible where no grid spans several nodes that
// are missing; check_layers does not know the number of chips, connect_composed asserts.
void connect_composed(Fabric& fabric, const SystemSpec& spec, const std::vector<BuiltNode>& nodes);

}  // namespace supernode
