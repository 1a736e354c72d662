#pragma once
// A system may read well and still not be buildable, or be cut in two by its faults.

#include "base/diagnostics.hpp"
#include "base/yaml.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

// Reports why the system cannot be built for so many chips at its `chips` (or where it begins), and faults that it
// cannot have or live with at its `faults`. Builds the fabric only when something is broken in it.
void check_fabric(const SystemSpec& spec, std::int64_t chips, const YamlNode& system, Diagnostics& diagnostics);

// Where a system says what is broken in it; else where the system begins.
SourcePosition faults_position(const YamlNode& system);

// A fault that only a route meets, once the work is known, as check_fabric would have reported it.
std::string fault_message(const FaultError& fault, const SourcePosition& place);

}  // namespace supernode
