#pragma once
// What is down and what is up in a fabric.

#include <vector>

#include "topology/fabric.hpp"

namespace supernode {

// By vertex: hops from the nearest device over these links, through switches and NICs; -1 where none leads.
std::vector<int> link_levels(const Fabric& fabric, const std::vector<LinkView>& links);

}  // namespace supernode
