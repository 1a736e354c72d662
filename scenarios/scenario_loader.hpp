#pragma once
// From a file (or stdin, or a name of the library) and overrides to a checked scenario. Trees are merged before they
// are read, so that each value keeps the place where it was written, and every error of every file comes at once.

#include <optional>
#include <string>
#include <vector>

#include "base/yaml.hpp"
#include "scenarios/scenario.hpp"

namespace supernode {

struct InputFile {
  std::string name;
  std::string sha256;
};

// "plan.tensor_parallel" = "8", as given by --set.
struct Override {
  std::string path;
  std::string value;
};

struct Scenario {
  ScenarioSpec spec;
  std::string resolved;           // YAML with every reference expanded; read back, it gives the same run
  std::vector<InputFile> inputs;  // files read, catalogue entries included
  std::vector<Override> overrides;
  std::vector<std::string> assumptions;  // what the loader chose itself, in words
  SourcePosition faults;                 // where it says what is broken; else where its system begins
};

// Nothing when anything is wrong; `diagnostics` then says what. `argument`: see ReferenceResolver::resolve_argument.
std::optional<Scenario> load_scenario(const std::string& argument, const std::vector<Override>& overrides,
                                      Diagnostics& diagnostics);

// The same from a tree at hand, e.g. one made by an importer; `name` stands in for a file's.
std::optional<Scenario> load_scenario_tree(YamlNode tree, const std::string& name,
                                           const std::vector<Override>& overrides, Diagnostics& diagnostics);

}  // namespace supernode
