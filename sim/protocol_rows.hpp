#pragma once
// Calibrates a system's communication library: measured collectives → what the bare fabric says about each → fits.
// Conventions of the published rows: docs/models/collectives.md.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "calibration/collective_protocol.hpp"
#include "calibration/collective_trace.hpp"
#include "sim/protocol_validation.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

struct CalibrationOptions {
  // Rows whose note or software contains one of these are left out (other networks, other libraries).
  std::vector<std::string> exclude;
  // Rows of these systems count as the system's own (B200 rows for a GB200: same links, other node).
  std::vector<std::string> also_systems;
  // What the library chooses among: no row tells, so the caller must. Operations not in it: all algorithms.
  LibraryAlgorithms algorithms{};
  // Its expert exchanges send a copy to each expert (CollectiveProtocol::copy_per_expert).
  bool copy_per_expert = false;
  // The same library on a like system: where there are too few rows, latencies are its.
  const CollectiveProtocol* like = nullptr;
};

// The rows that count, laid over the system's fabric, by operation and scope ("scale_up.all_reduce").
std::map<std::string, MeasuredCalls> measured_calls(const SystemSpec& system,
                                                    const std::vector<CollectiveTraceRow>& rows,
                                                    const CalibrationOptions& options);

// How well one operation in one scope is fitted.
struct CalibratedFit {
  std::string key;  // "scale_up.all_reduce"
  std::int64_t rows = 0;
  double median_error = 0, p90_error = 0;
  bool rate_only = false;            // too few rows: only the efficiency is theirs, the rest is another operation's
  std::vector<UnseenCall> unseen{};  // of measured_calls' entry
};

struct CalibratedProtocol {
  CollectiveProtocol protocol;
  std::vector<CalibratedFit> fits;
  std::string text;  // YAML for calibration/catalog/protocols
};

// Throws std::runtime_error when no row of the system is of use.
CalibratedProtocol calibrate_protocol(const SystemSpec& system, const std::vector<CollectiveTraceRow>& rows,
                                      const CalibrationOptions& options = {});

}  // namespace supernode
