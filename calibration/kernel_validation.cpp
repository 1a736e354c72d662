#include <fmt/format.h>

#include <cmath>
#include <map>

#include "calibration/kernel_fit.hpp"
#include "calibration/kernel_parameters.hpp"
#include "calibration/trace_prediction.hpp"

namespace supernode {
namespace {

// A prediction beside its row.
struct Judged {
  const KernelTraceRow* row;
  KernelCost cost;
};

KernelClassError summary(const std::string& name, const std::vector<Judged>& rows) {
  constexpr double kNinety = 1.6449;  // standard deviations of a normal distribution
  std::vector<double> residuals;
  double inside = 0;
  for (const Judged& j : rows) {
    residuals.push_back(std::log(j.cost.time / j.row->measured));
    if (std::abs(residuals.back()) <= kNinety * (j.cost.deviation / j.cost.time)) inside += 1;
  }
  KernelClassError error = error_summary(name, residuals);
  error.coverage = inside / static_cast<double>(rows.size());
  return error;
}

std::vector<KernelClassError> by_class(const ChipSpec& chip, const std::vector<Judged>& rows) {
  std::map<std::string, std::vector<Judged>> classes;
  for (const Judged& j : rows) classes[report_class(chip, *j.row)].push_back(j);
  std::vector<KernelClassError> errors;
  for (const auto& [name, members] : classes) errors.push_back(summary(name, members));
  return errors;
}

std::vector<Judged> judge(const ChipSpec& chip, const TraceRows& rows) {
  const TracePredictor predictor(chip);
  std::vector<Judged> judged;
  for (const KernelTraceRow* row : rows) judged.push_back({row, predictor.cost(*row)});
  return judged;
}

// The fold of each row.
std::vector<int> folds_of(const TraceRows& rows, int folds, HoldOut hold_out) {
  std::map<ShapePoint, int> shapes;
  std::vector<int> result;
  for (const KernelTraceRow* row : rows) {
    ShapePoint shape = shape_point(row->kernel);
    shape[0] = 0;
    const int of_shape = shapes.try_emplace(shape, static_cast<int>(shapes.size())).first->second;
    result.push_back((hold_out == HoldOut::kShapes ? of_shape : static_cast<int>(result.size())) % folds);
  }
  return result;
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
  return by_class(chip, judge(chip, comparable(chip, rows)));
}

std::vector<KernelClassError> cross_validate(const ChipSpec& chip, const std::vector<KernelTraceRow>& rows, int folds,
                                             HoldOut hold_out) {
  const TraceRows kept = comparable(chip, rows);
  const std::vector<int> fold = folds_of(kept, folds, hold_out);
  std::vector<Judged> judged;
  for (int f = 0; f < folds; ++f) {
    std::vector<KernelTraceRow> seen;
    TraceRows unseen;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (fold[i] == f)
        unseen.push_back(kept[i]);
      else
        seen.push_back(*kept[i]);
    }
    ChipSpec trial = chip;
    trial.fit = fit_kernels(chip, seen).fit;
    const std::vector<Judged> more = judge(trial, unseen);
    judged.insert(judged.end(), more.begin(), more.end());
  }
  return by_class(chip, judged);
}

}  // namespace supernode
