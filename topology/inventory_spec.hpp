#pragma once
// What a system is made of beyond its graph: racks, modules, watts, kilograms and dollars, each with its source. The
// census (topology/inventory.hpp) multiplies them by what the graph counts. What has no source is unknown, not zero.

#include <cstdint>
#include <string>
#include <vector>

#include "base/spec_reader.hpp"

namespace supernode {

// One kind of rack, chassis or box, counted by the nodes it holds or by supernodes.
struct RackSpec {
  std::string name;               // "compute rack"
  Sourced<double> nodes;          // that one holds; else:
  Sourced<double> per_supernode;  // how many in a supernode, full or not
  Sourced<double> power_w;        // of one, at its limit
  Sourced<double> weight_kg;      // of one, filled
};

struct InventorySpec {
  std::vector<RackSpec> racks;      // they sum to the limit of power and to the weight
  std::vector<RackSpec> boxes;      // within the racks (switch trays, …): counted, not added to the sums
  Sourced<double> links_per_cable;  // optical scale-up links that share one cable (CloudMatrix: 2 in a 400G cable)
  Sourced<double> copper_cables_per_link;  // of a copper scale-up link; 0 where it is a board's trace
  Sourced<double> module_power_w;          // one optical module
  Sourced<double> supernode_power_w;       // typical, measured or published
  Sourced<double> supernode_power_high_w;  // the highest published, where sources differ
  Sourced<double> supernode_weight_kg;     // where it is published as a whole
  Sourced<double> supernode_cost_usd;
  Sourced<double> chip_cost_usd, module_cost_usd;
  Sourced<double> interconnect_power_w, interconnect_cost_usd;  // the share of one chip, all planes

  bool any() const { return !racks.empty() || supernode_power_w.value > 0; }
};

// Whether somebody said so: a catalogue value has a source, a user's override is his own.
template <class T>
bool is_known(const Sourced<T>& figure) {
  return !figure.source.empty();
}

void bind(InventorySpec& inventory, SpecReader& reader);

}  // namespace supernode
