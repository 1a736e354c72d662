#include "scenarios/fabric_check.hpp"

#include <stdexcept>

#include "topology/fabric.hpp"

namespace supernode {

namespace {

SourcePosition position_of(std::string_view key, const YamlNode& system) {
  const YamlNode* node = system.find(key);
  return node ? node->position : system.position;
}

}  // namespace

void check_fabric(const SystemSpec& spec, std::int64_t chips, const YamlNode& system, Diagnostics& diagnostics) {
  try {
    if (spec.faults.any())
      build_fabric(spec, chips);
    else
      check_buildable(spec, chips);
  } catch (const FaultError& problem) {
    diagnostics.error(faults_position(system), problem.what());
  } catch (const std::invalid_argument& problem) {
    diagnostics.error(position_of("chips", system), problem.what());
  }
}

SourcePosition faults_position(const YamlNode& system) { return position_of("faults", system); }

std::string fault_message(const FaultError& fault, const SourcePosition& place) {
  Diagnostics diagnostics;
  diagnostics.error(place, fault.what());
  return diagnostics.render();
}

}  // namespace supernode
