#pragma once
// The census of a fabric as JSON: all numbers in SI, units at the end of the keys, sources beside them.

#include <nlohmann/json.hpp>

#include "tools/fabric_answer.hpp"

namespace supernode {

// `names`: with the names of all switches, NICs and links, as faults take them.
nlohmann::ordered_json fabric_json(const FabricAnswer& answer, bool names);

}  // namespace supernode
