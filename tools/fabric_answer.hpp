#pragma once
// What `supernode fabric` knows of a system before it prints or draws it.

#include <vector>

#include "scenarios/system_loader.hpp"
#include "topology/fabric.hpp"
#include "topology/fabric_metrics.hpp"
#include "topology/graph_count.hpp"
#include "topology/inventory.hpp"

namespace supernode {

struct FabricAnswer {
  LoadedSystem system;
  Fabric fabric;
  GraphCount count;
  Inventory inventory;
  std::vector<PlaneMetrics> planes;
  std::vector<PlaneMetrics> healthy;  // the same without faults; empty when there are none
};

}  // namespace supernode
