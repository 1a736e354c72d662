#pragma once
// Scenarios of the library run by name, for the programs that write tables of the documents: what goes wrong is thrown.

#include <stdexcept>
#include <string>
#include <utility>

#include "scenarios/outcome.hpp"
#include "scenarios/scenario_loader.hpp"

namespace supernode {

inline Scenario load_or_throw(const std::string& name) {
  Diagnostics diagnostics;
  auto scenario = load_scenario(name, {}, diagnostics);
  if (!scenario) throw std::runtime_error(diagnostics.render());
  return std::move(*scenario);
}

inline Outcome run_or_throw(const Scenario& scenario) {
  Outcome outcome = run_scenario(scenario);
  if (!outcome.simulated) throw std::runtime_error(scenario.spec.name + " does not fit in memory");
  return outcome;
}

}  // namespace supernode
