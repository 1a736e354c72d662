#include <fmt/format.h>

#include <map>

#include "calibration/kernel_fit.hpp"
#include "calibration/kernel_parameters.hpp"
#include "calibration/trace_prediction.hpp"

namespace supernode {
namespace {

// Reported class of a row: the training passes of a GEMM apart from its inference kernels.
std::string report_class(const ChipSpec& chip, const KernelTraceRow& row) {
  const std::string name = trace_class(chip, row);
  const auto* g = std::get_if<GemmKernel>(&row.kernel);
  if (g != nullptr && row.training) return fmt::format("{} training {}", name, to_string(g->pass));
  return row.with_neighbour ? name + " with neighbour" : name;
}

std::vector<KernelClassError> by_class(const ChipSpec& chip, const TraceRows& rows,
                                       const std::vector<double>& residuals) {
  std::map<std::string, std::vector<double>> classes;
  for (std::size_t i = 0; i < rows.size(); ++i) classes[report_class(chip, *rows[i])].push_back(residuals[i]);
  std::vector<KernelClassError> errors;
  for (const auto& [name, values] : classes) errors.push_back(error_summary(name, values));
  return errors;
}

// Of equals the fastest, class by class, as the fit sees them.
TraceRows comparable(const ChipSpec& chip, const std::vector<KernelTraceRow>& rows) {
  std::map<std::string, TraceRows> classes;
  for (const KernelTraceRow& row : rows) classes[trace_class(chip, row)].push_back(&row);
  TraceRows all;
  for (const auto& [name, members] : classes) {
    const TraceRows kept = comparable_rows(members);
    all.insert(all.end(), kept.begin(), kept.end());
  }
  return all;
}

}  // namespace

std::vector<KernelClassError> kernel_errors(const ChipSpec& chip, const std::vector<KernelTraceRow>& rows) {
  const TraceRows kept = comparable(chip, rows);
  return by_class(chip, kept, log_errors(chip, kept));
}

std::vector<KernelClassError> cross_validate(const ChipSpec& chip, const std::vector<KernelTraceRow>& rows, int folds) {
  const TraceRows kept = comparable(chip, rows);
  TraceRows held;
  std::vector<double> residuals;
  for (int fold = 0; fold < folds; ++fold) {
    std::vector<KernelTraceRow> seen;
    TraceRows unseen;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (static_cast<int>(i % folds) == fold)
        unseen.push_back(kept[i]);
      else
        seen.push_back(*kept[i]);
    }
    ChipSpec trial = chip;
    trial.fit = fit_kernels(chip, seen).fit;
    const std::vector<double> errors = log_errors(trial, unseen);
    held.insert(held.end(), unseen.begin(), unseen.end());
    residuals.insert(residuals.end(), errors.begin(), errors.end());
  }
  return by_class(chip, held, residuals);
}

}  // namespace supernode
