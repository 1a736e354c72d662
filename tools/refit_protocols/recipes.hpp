#pragma once
// How the protocol fits of the catalogued systems are composed: which measured rows count for each, and which
// operations that it has no rows of it borrows from which other system's fit.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "calibration/collective_protocol.hpp"
#include "calibration/collective_trace.hpp"
#include "calibration/memory_trace.hpp"
#include "sim/protocol_rows.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

struct ProtocolRefitInput {
  std::vector<CollectiveTraceRow> rows;
  std::vector<MemoryTraceRow> memory_rows;
  std::vector<CollectiveProtocol> protocols;  // all of the catalogue, in its order: which rows are whose
  // By name in the protocol catalogue: whose library it is and what that chooses among, which no row tells.
  std::function<CollectiveProtocol(const std::string& name)> protocol;
  std::function<SystemSpec(const std::string& name)> system;
};

struct RefitProtocols {
  std::map<std::string, CollectiveProtocol> protocols;     // all of the catalogue, by name
  std::map<std::string, std::vector<CalibratedFit>> fits;  // of those with rows of their own
};

// Throws std::runtime_error when a system has no usable row or a donor nothing to lend.
RefitProtocols refit_protocols(const ProtocolRefitInput& input);

}  // namespace supernode
