#pragma once
// Results as JSON. Key names end in their unit; numbers are plain doubles in SI; keys stand in one order, so equal
// results give equal bytes. `fits_memory: false` without `step_time_s`: the plan was not simulated.

#include <nlohmann/json.hpp>

#include "scenarios/outcome.hpp"

namespace supernode {

nlohmann::ordered_json outcome_json(const Outcome& outcome);
nlohmann::ordered_json memory_json(const MemoryReport& memory);
nlohmann::ordered_json provenance_json(const Provenance& provenance);

// Two-space indent and a final newline; bytes that are not UTF-8 (in a user's text) are replaced.
std::string to_text(const nlohmann::ordered_json& json);

}  // namespace supernode
