#pragma once
// The picture of a fabric: planes and tiers by rows, links between groups of vertices as one line each, its width by
// bandwidth and its colour by load; what is broken is red and dashed.

#include <string>

#include "tools/fabric_load.hpp"
#include "topology/fabric.hpp"

namespace supernode {

// What of the fabric the picture shows: everything, or one supernode where there are many of many nodes (-1: all).
int pictured_supernode(const Fabric& fabric);

std::string fabric_svg(const Fabric& fabric, const std::string& title, const FabricLoad& load);

}  // namespace supernode
