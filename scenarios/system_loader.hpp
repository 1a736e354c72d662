#pragma once
// A system as named on the command line: an entry of the catalogue, a YAML file of a system, or a scenario, whose
// system and number of chips it is.

#include <optional>
#include <string>
#include <vector>

#include "scenarios/scenario_loader.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

struct LoadedSystem {
  SystemSpec spec;
  std::int64_t chips = 0;            // of the scenario, or as `chips` says; else one supernode
  YamlNode tree;                     // the system's, references followed
  std::vector<InputFile> inputs;     // files read, catalogue entries included
  std::optional<Scenario> scenario;  // where the argument was one
  SourcePosition faults{};           // where it says what is broken; else where the system begins
};

// Nothing when anything is wrong; `diagnostics` then says what. `argument` is "-" (standard input), a file, a name of
// the systems' catalogue, or one of the scenario library. Overrides have a scenario's paths (system.fabric.…); over a
// system alone the leading "system." may be left out. The system is checked to be buildable with its chips.
std::optional<LoadedSystem> load_system_argument(const std::string& argument, const std::vector<Override>& overrides,
                                                 Diagnostics& diagnostics);

}  // namespace supernode
