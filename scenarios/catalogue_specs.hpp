#pragma once
// Entries of the catalogues as specs, with their own bases followed. Nothing on an unknown name or a bad entry
// (reported).

#include <optional>
#include <string>

#include "base/diagnostics.hpp"
#include "calibration/chip_spec.hpp"
#include "calibration/collective_protocol.hpp"
#include "calibration/software_spec.hpp"
#include "topology/system_spec.hpp"
#include "workloads/model_spec.hpp"

namespace supernode {

std::optional<ChipSpec> load_chip(const std::string& name, Diagnostics& diagnostics);
std::optional<SystemSpec> load_system(const std::string& name, Diagnostics& diagnostics);
std::optional<CollectiveProtocol> load_protocol(const std::string& name, Diagnostics& diagnostics);
std::optional<SoftwareSpec> load_software(const std::string& name, Diagnostics& diagnostics);
std::optional<ModelSpec> load_model(const std::string& name, Diagnostics& diagnostics);

}  // namespace supernode
