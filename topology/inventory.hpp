#pragma once
// The census of a cluster: what it is made of, what it weighs, draws and costs. Numbers of things come from the graph;
// watts, kilograms and dollars from the system's inventory (topology/inventory_spec.hpp), each with its source.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/spec_reader.hpp"
#include "topology/fabric.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

enum class InventoryGroup { kParts, kLinks, kOptics, kPower, kWeight, kCost };

struct InventorySource {
  std::string text;
  Confidence confidence = Confidence::kDerived;
};

struct InventoryLine {
  InventoryGroup group = InventoryGroup::kParts;
  std::string key;                       // for machines; ends in its unit: "power_limit_w"
  std::string label;                     // for people
  std::optional<double> amount;          // nothing: unknown
  std::string how;                       // the arithmetic behind it, "" when it is a plain count
  std::vector<InventorySource> sources;  // beyond the graph
};

struct Inventory {
  std::int64_t chips = 0;
  std::vector<InventoryLine> lines;  // group by group

  const InventoryLine* find(std::string_view key) const;
  std::optional<double> amount(std::string_view key) const;  // nothing where unknown or no such line
};

// `fabric` is a cluster of `spec`. A partly filled supernode draws, weighs and costs by its nodes what is published of
// a full one; racks are counted whole.
Inventory take_inventory(const SystemSpec& spec, const Fabric& fabric);

}  // namespace supernode
