#pragma once
// What a system is made of beyond its graph: racks, modules, watts, kilograms and dollars, each with its source. The
// census (topology/inventory.hpp) multiplies them by what the graph counts. Zero with confidence `assumed` = unknown.

#include <cstdint>
#include <string>
#include <vector>

#include "base/spec_reader.hpp"

namespace supernode {

// One kind of rack or chassis, counted by nodes or by supernodes.
struct RackSpec {
  std::string name;               // "compute"
  Sourced<double> per_supernode;  // how many in a full supernode
  Sourced<double> power_w;        // of one, at its limit
  Sourced<double> weight_kg;      // of one, filled
};

struct InventorySpec {
  std::vector<RackSpec> racks;
  Sourced<double> links_per_cable;      // optical scale-up links that share one cable (CloudMatrix: 2 in a 400G cable)
  Sourced<double> module_power_w;       // one optical module
  Sourced<double> supernode_power_w;    // typical, measured or published; the racks give the limit
  Sourced<double> supernode_weight_kg;  // where it is published as a whole
  Sourced<double> supernode_cost_usd;
  Sourced<double> chip_cost_usd, module_cost_usd;

  bool any() const { return !racks.empty() || supernode_power_w.value > 0; }
};

void bind(InventorySpec& inventory, SpecReader& reader);

}  // namespace supernode
