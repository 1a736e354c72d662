#pragma once
// Flags of Megatron-LM or MindSpeed, from a launch script or as typed, as a scenario. Which flag sets what stands in
// one table (scenarios/import_megatron_flags); flags that change a step's cost and cannot be expressed, and flags that
// nobody knows, become warnings.

#include <optional>
#include <string>

#include "base/diagnostics.hpp"
#include "scenarios/import_yaml.hpp"

namespace supernode {

// `input`: a script's path, or the flags themselves. `system`: of the catalogue; "" takes atlas-800t-a2 for flags that
// only MindSpeed has and hgx-h100 otherwise. Nothing when the input is neither, names no size of the model, or gives a
// size that is no number (reported).
std::optional<ImportedYaml> import_megatron(const std::string& input, const std::string& system,
                                            Diagnostics& diagnostics);
std::optional<ImportedYaml> read_megatron(const SourceFile& script, const std::string& system,
                                          Diagnostics& diagnostics);

}  // namespace supernode
