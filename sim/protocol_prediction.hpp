#pragma once
// Measured collectives predicted: each row of a trace as a call over its system's fabric, at the cost of its library.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "calibration/collective_protocol.hpp"
#include "calibration/collective_trace.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

// By what errors are counted: expert exchanges, and the other operations by the size of the buffer.
enum class CollectiveClass { kBelowMebibyte, kFromMebibyte, kExpertExchange, kMemoryAccess };
std::string_view to_string(CollectiveClass of);  // "< 1 MiB", ">= 1 MiB", "expert exchange", "memory access"
// A rate without a size is an asymptote, of large sizes.
CollectiveClass collective_class(const CollectiveTraceRow& row);

struct CollectivePrediction {
  std::size_t row = 0;      // in the trace
  std::string skipped{};    // why it is not predicted, "" when it is; then what follows is empty
  std::string protocol{};   // library and the system that it was fitted on: "nccl on hgx-h100"
  std::string key{};        // the fit's: "scale_up.all_reduce"
  std::string algorithm{};  // the one that the library takes
  Seconds measured{}, predicted{};
  Seconds deviation{};  // one standard deviation of `predicted`
  double ratio() const { return predicted / measured; }
};

// What stands for the collectives of a row: the system that it names and the library that its software and note are of.
struct CollectiveBench {
  std::function<std::optional<SystemSpec>(const std::string& name)> system;  // nothing: no such system
  std::function<const CollectiveProtocol*(const CollectiveTraceRow& row)> protocol;
};

// One a row, in the trace's order.
std::vector<CollectivePrediction> predict_collectives(const CollectiveBench& bench,
                                                      const std::vector<CollectiveTraceRow>& rows);

// The rows of one system by one library; rows of other systems and rows that lack something are left out.
std::vector<CollectivePrediction> predict_collectives(const SystemSpec& system, const CollectiveProtocol& protocol,
                                                      const std::vector<CollectiveTraceRow>& rows);

// Of a system's protocols, and those of others that are taken for it, the one that a row is of: the one that asks for
// it the most closely, else the system's first that asks for none. Nothing when there is none.
const CollectiveProtocol* protocol_of_row(const std::vector<CollectiveProtocol>& protocols,
                                          const CollectiveTraceRow& row);

}  // namespace supernode
