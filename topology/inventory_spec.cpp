// The YAML layout of an inventory.
#include "topology/inventory_spec.hpp"

namespace supernode {

namespace {

constexpr NumberRange kAmount{.min = 0, .max = 1e12};

void bind_rack(RackSpec& rack, SpecReader& r) {
  r.text({"name", "what the rack or chassis is", kRequired}, rack.name);
  r.sourced_number({"per_supernode", "how many a full supernode has", kRequired}, rack.per_supernode, kAmount);
  r.sourced_number({"power_w", "watts of one at its limit"}, rack.power_w, kAmount);
  r.sourced_number({"weight_kg", "kilograms of one, filled"}, rack.weight_kg, kAmount);
}

}  // namespace

void bind(InventorySpec& inventory, SpecReader& r) {
  if (!r.documenting() && r.has("racks")) inventory.racks.clear();
  r.items({"racks", "racks or chassis of a supernode"}, [&](SpecReader& inner) {
    RackSpec rack;
    bind_rack(rack, inner);
    inventory.racks.push_back(rack);
  });
  r.sourced_number({"links_per_cable", "optical scale-up links that share one cable and its two modules"},
                   inventory.links_per_cable, {.min = 1, .max = 1024});
  r.sourced_number({"module_power_w", "watts of one optical module"}, inventory.module_power_w, kAmount);
  r.sourced_number({"supernode_power_w", "watts of a supernode as published or measured"}, inventory.supernode_power_w,
                   kAmount);
  r.sourced_number({"supernode_weight_kg", "kilograms of a supernode, where published as a whole"},
                   inventory.supernode_weight_kg, kAmount);
  r.sourced_number({"supernode_cost_usd", "dollars of a supernode"}, inventory.supernode_cost_usd, kAmount);
  r.sourced_number({"chip_cost_usd", "dollars of one chip"}, inventory.chip_cost_usd, kAmount);
  r.sourced_number({"module_cost_usd", "dollars of one optical module"}, inventory.module_cost_usd, kAmount);
}

}  // namespace supernode
