#include "scenarios/import_memory.hpp"

#include <algorithm>
#include <cmath>

#include "scenarios/import_run.hpp"
#include "sim/simulate.hpp"

namespace supernode {

namespace {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// nanotron's log shows rank 0's counters.
Bytes counted_peak(const MeasuredRun& measured, const std::vector<StageMemory>& stages) {
  if (measured.reserved_bytes > 0) return stages.front().peak_reserved();
  if (measured.allocated_bytes <= 0) return peak_memory(stages);
  Bytes peak{};
  for (const StageMemory& stage : stages) {
    peak = max(peak, measured.first_step ? stage.first_step_allocated() : stage.peak_allocated());
  }
  return peak;
}

}  // namespace

std::optional<double> MemoryVerdict::error() const {
  if (!problem.empty() || measured.value() <= 0) return std::nullopt;
  return (peak - measured) / measured;
}

MemoryVerdict judge_memory(const PublishedRun& run) {
  MemoryVerdict verdict;
  verdict.id = run.id;
  verdict.model = run.model;
  verdict.ran = run.measured.ran;
  verdict.measured = Bytes(run.measured.peak_bytes());
  Diagnostics diagnostics;
  const auto scenario = load_published_run(run, diagnostics);
  if (!scenario) {
    verdict.problem = diagnostics.all().empty() ? "cannot be simulated" : diagnostics.all().front().message;
    return verdict;
  }
  const MemoryReport report = estimate_memory(scenario->spec.input);
  verdict.need = peak_memory(report.stages);
  verdict.peak = counted_peak(run.measured, report.stages);
  verdict.capacity = report.capacity;
  verdict.fits = report.fits;
  return verdict;
}

MemoryScore score_memory(const std::vector<MemoryVerdict>& verdicts) {
  MemoryScore score;
  std::vector<double> errors, magnitudes;
  for (const MemoryVerdict& verdict : verdicts) {
    ++score.rows;
    if (!verdict.problem.empty()) continue;
    ++score.judged;
    score.agree += verdict.agrees();
    score.ran += verdict.ran;
    score.failed += !verdict.ran;
    score.ran_and_fits += verdict.ran && verdict.fits;
    score.failed_and_does_not_fit += !verdict.ran && !verdict.fits;
    if (const auto error = verdict.error()) {
      errors.push_back(*error);
      magnitudes.push_back(std::abs(*error));
    }
  }
  score.measured = static_cast<int>(errors.size());
  score.median_error = median(std::move(errors));
  score.median_abs_error = median(std::move(magnitudes));
  return score;
}

}  // namespace supernode
