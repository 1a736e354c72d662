#include "scenarios/provenance.hpp"

#include <fmt/format.h>

#include "scenarios/version.hpp"

namespace supernode {

std::string program_version() { return fmt::format("{} ({})", kVersion, kGitDescription); }

Provenance make_provenance(const Scenario& scenario) {
  return {kVersion, kGitDescription, scenario.inputs, scenario.overrides, scenario.resolved};
}

}  // namespace supernode
