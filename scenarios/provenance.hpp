#pragma once
// Where a result comes from, so that any number can be reproduced.

#include <string>
#include <vector>

#include "scenarios/scenario_loader.hpp"

namespace supernode {

struct Provenance {
  std::string version;          // of the program
  std::string git_description;  // of its source tree when CMake configured it; "unknown" outside a repository
  std::vector<InputFile> inputs;
  std::vector<Override> overrides;
  std::string resolved_scenario;  // YAML that gives the same result when run
};

std::string program_version();  // "0.1.0 (git description)"
Provenance make_provenance(const Scenario& scenario);

}  // namespace supernode
