// The YAML layout of an inventory.
#include "topology/inventory_spec.hpp"

namespace supernode {

namespace {

constexpr NumberRange kAmount{.min = 0, .max = 1e12};

void bind_rack(RackSpec& rack, SpecReader& r) {
  r.text({"name", "what it is", kRequired}, rack.name);
  r.sourced_number({"nodes", "how many nodes one holds; else per_supernode"}, rack.nodes, {.min = 0.01, .max = 1e6});
  r.sourced_number({"per_supernode", "how many a supernode has, full or not"}, rack.per_supernode, kAmount);
  r.sourced_number({"power_w", "watts of one at its limit"}, rack.power_w, kAmount);
  r.sourced_number({"weight_kg", "kilograms of one, filled"}, rack.weight_kg, kAmount);
  if (!r.documenting() && r.has("nodes") == r.has("per_supernode")) {
    r.error("name", "is counted by one of nodes (that one holds) and per_supernode");
  }
}

void bind_racks(std::vector<RackSpec>& racks, SpecReader& r, Field field) {
  if (!r.documenting() && r.has(field.key)) racks.clear();
  r.items(field, [&](SpecReader& inner) {
    RackSpec rack;
    bind_rack(rack, inner);
    racks.push_back(rack);
  });
}

}  // namespace

void bind(InventorySpec& inventory, SpecReader& r) {
  bind_racks(inventory.racks, r, {"racks", "racks or chassis; they sum to the limit of power and to the weight"});
  bind_racks(inventory.boxes, r, {"boxes", "boxes within the racks: counted, not added to the sums"});
  const auto amount = [&](std::string_view key, std::string_view doc, Sourced<double>& out) {
    r.sourced_number({key, doc}, out, kAmount);
  };
  r.sourced_number({"links_per_cable", "optical scale-up links that share one cable and its two modules"},
                   inventory.links_per_cable, {.min = 1, .max = 1024});
  amount("copper_cables_per_link", "cables of a copper scale-up link; 0 where it is a trace on a board",
         inventory.copper_cables_per_link);
  amount("module_power_w", "watts of one optical module", inventory.module_power_w);
  amount("supernode_power_w", "watts of a full supernode, typical or as published", inventory.supernode_power_w);
  amount("supernode_power_high_w", "the highest published watts of a full supernode", inventory.supernode_power_high_w);
  amount("supernode_weight_kg", "kilograms of a full supernode, where published as a whole",
         inventory.supernode_weight_kg);
  amount("supernode_cost_usd", "dollars of a full supernode", inventory.supernode_cost_usd);
  amount("chip_cost_usd", "dollars of one chip", inventory.chip_cost_usd);
  amount("module_cost_usd", "dollars of one optical module", inventory.module_cost_usd);
  amount("interconnect_power_w", "watts of the interconnect a chip, all planes", inventory.interconnect_power_w);
  amount("interconnect_cost_usd", "dollars of the interconnect a chip, all planes", inventory.interconnect_cost_usd);
}

}  // namespace supernode
