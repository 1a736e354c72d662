#include "calibration/trace_prediction.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <memory>

#include "calibration/kernel_cost.hpp"
#include "calibration/kernel_parameters.hpp"
#include "calibration/robust_fit.hpp"

namespace supernode {
namespace {

// Everything that makes two kernels the same computation.
auto identity(const Kernel& kernel) {
  std::vector<double> key = {static_cast<double>(kernel.index()), static_cast<double>(arithmetic(kernel)),
                             flops(kernel).value(), traffic(kernel).value()};
  for (const ShapeAxis& axis : shape_axes(kernel)) key.push_back(axis.size);
  return key;
}

// The weight gradient of a grouped GEMM in a training trace: measured once with fp32 and once with bf16 gradients.
bool is_grouped_wgrad(const KernelTraceRow& row) {
  const auto* g = std::get_if<GemmKernel>(&row.kernel);
  return row.training && g != nullptr && g->groups > 1 && g->pass == Pass::kWgrad;
}

// Predicts rows from a fit under trial. Two models, because inference rows know no training passes.
class TracePredictor {
 public:
  explicit TracePredictor(const ChipSpec& chip) : chip_(chip), parameters_(chip_.fit) {
    training_ = make_kernel_cost_model(chip_);
    ChipSpec plain = chip_;
    for (const char* kind : {"gemm", "grouped_gemm"})
      for (Pass pass : {Pass::kForward, Pass::kDgrad, Pass::kWgrad})
        if (!(std::string_view(kind) == "grouped_gemm" && pass == Pass::kForward))
          plain.fit.parameters.erase(fmt::format("{}.{}", kind, to_string(pass)));
    inference_ = make_kernel_cost_model(plain);
  }

  Seconds predict(const KernelTraceRow& row) const {
    const Seconds alone = (row.training ? training_ : inference_)->cost(row.kernel).time;
    return row.with_neighbour ? alone + neighbour(row) : alone;
  }

 private:
  // The quantisation of A (reads bf16, writes the low format), or rope and cache write (passes over q, k, v, o).
  Seconds neighbour(const KernelTraceRow& row) const {
    const std::string prefix = trace_class(chip_, row);
    Bytes bytes = traffic(row.kernel);
    if (const auto* g = std::get_if<GemmKernel>(&row.kernel))
      bytes = static_cast<double>(g->m) * static_cast<double>(g->k) * static_cast<double>(g->groups) *
              (bytes_per_element(Precision::kBf16) + bytes_per_element(g->precision));
    return Seconds(parameters_.get(prefix + ".neighbour_launch", 0)) +
           parameters_.get(prefix + ".neighbour_passes", 0) * bytes / chip_.device_hbm_bandwidth();
  }

  const ChipSpec chip_;
  const KernelParameters parameters_;
  std::unique_ptr<KernelCostModel> training_, inference_;
};

}  // namespace

std::string trace_class(const ChipSpec& chip, const KernelTraceRow& row) {
  return class_candidates(row.kernel, chip).front();
}

TraceRows comparable_rows(const TraceRows& rows) {
  std::map<std::pair<std::vector<double>, bool>, const KernelTraceRow*> best;
  TraceRows kept;
  for (const KernelTraceRow* row : rows) {
    const bool slowest = is_grouped_wgrad(*row);
    if (row->training && !slowest) {
      kept.push_back(row);
      continue;
    }
    const KernelTraceRow*& slot = best[{identity(row->kernel), row->with_neighbour}];
    if (slot == nullptr || (slowest ? row->measured > slot->measured : row->measured < slot->measured)) slot = row;
  }
  for (const auto& [key, row] : best) kept.push_back(row);
  return kept;
}

std::vector<double> log_errors(const ChipSpec& chip, const TraceRows& rows) {
  const TracePredictor predictor(chip);
  std::vector<double> errors;
  for (const KernelTraceRow* row : rows) errors.push_back(std::log(predictor.predict(*row) / row->measured));
  return errors;
}

KernelClassError error_summary(const std::string& name, const std::vector<double>& log_residuals) {
  const std::vector<double> errors = relative_errors(log_residuals);
  return {name, static_cast<std::int64_t>(errors.size()), quantile(errors, 0.5), quantile(errors, 0.9)};
}

Seconds predict_trace(const ChipSpec& chip, const KernelTraceRow& row) { return TracePredictor(chip).predict(row); }

}  // namespace supernode
