#pragma once
// Memory verdicts on published runs: what each row would need, whether it fits, and what was measured.

#include <optional>
#include <string>
#include <vector>

#include "scenarios/import_table.hpp"
#include "workloads/memory.hpp"

namespace supernode {

struct MemoryVerdict {
  std::string id, model;
  Bytes need{}, capacity{};  // of the rank that needs most, context and communicators included; of a device
  bool fits = false;
  // What stands against the measurement: the most its allocator holds on the first rank, or the most allocated on any
  // rank, whichever was published; `need` when neither was.
  Bytes peak{};
  bool ran = true;      // as published
  Bytes measured{};     // MeasuredRun::peak_bytes; zero = not published
  std::string problem;  // why there is no verdict; "" when there is one
  bool agrees() const { return problem.empty() && fits == ran; }
  // (predicted − measured) / measured, nothing without a measurement.
  std::optional<double> error() const;
};

MemoryVerdict judge_memory(const PublishedRun& run);

struct MemoryScore {
  int rows = 0, judged = 0, agree = 0;
  int ran = 0, ran_and_fits = 0;  // "never calls a published run infeasible"
  int failed = 0, failed_and_does_not_fit = 0;
  int measured = 0;
  double median_error = 0, median_abs_error = 0;  // over the rows with a measurement
  double share() const { return judged > 0 ? static_cast<double>(agree) / judged : 0; }
};
MemoryScore score_memory(const std::vector<MemoryVerdict>& verdicts);

}  // namespace supernode
