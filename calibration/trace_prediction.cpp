#include "calibration/trace_prediction.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <memory>
#include <tuple>

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

}  // namespace

TracePredictor::TracePredictor(const ChipSpec& chip) : chip_(chip), parameters_(chip_.fit) {
  training_ = make_kernel_cost_model(chip_);
  ChipSpec plain = chip_;
  for (const char* kind : {"gemm", "grouped_gemm"})
    for (Pass pass : {Pass::kForward, Pass::kDgrad, Pass::kWgrad})
      if (!(std::string_view(kind) == "grouped_gemm" && pass == Pass::kForward))
        plain.fit.parameters.erase(fmt::format("{}.{}", kind, to_string(pass)));
  inference_ = make_kernel_cost_model(plain);
}

TracePredictor::Parts TracePredictor::parts(const KernelTraceRow& row) const {
  Parts parts;
  parts.kernel = (row.training ? training_ : inference_)->cost(row.kernel);
  const std::string prefix = trace_class(chip_, row);
  double rate = row.library.empty() ? 1 : parameters_.get(fmt::format("{}.{}", prefix, row.library), 1);
  if (row.with_neighbour) rate *= parameters_.get(prefix + ".neighbour_rate", 1);
  parts.kernel.time = max(parts.kernel.time / rate, max(parts.kernel.compute, parts.kernel.memory));
  const double spread =
      row.library.empty() ? 0 : parameters_.get(fmt::format("{}.{}.deviation", prefix, row.library), 0);
  parts.kernel.deviation = max(parts.kernel.deviation / rate, parts.kernel.time * spread);
  if (!row.with_neighbour) return parts;
  parts.neighbour = neighbour(row);
  if (const auto found = chip_.fit.residuals.find(prefix + ".neighbour"); found != chip_.fit.residuals.end()) {
    parts.kernel.time *= std::exp(found->second.at(shape_point(row.kernel)).log_factor);
    parts.kernel.deviation = parts.kernel.time * parameters_.get(prefix + ".neighbour.near_deviation", 0);
  }
  return parts;
}

KernelCost TracePredictor::cost(const KernelTraceRow& row) const {
  const Parts both = parts(row);
  KernelCost cost = both.kernel;
  cost.time += both.neighbour;
  cost.deviation = cost.time * (both.kernel.deviation / both.kernel.time);
  return cost;
}

ResidualRow TracePredictor::residual(const KernelTraceRow& row) const {
  const Parts both = parts(row);
  const Seconds total = both.kernel.time + both.neighbour;
  return {shape_point(row.kernel), std::log(row.measured / total), both.kernel.time / total};
}

// The quantisation of A (reads bf16, writes the low format), or rope and cache write (passes over q, k, v, o).
Seconds TracePredictor::neighbour(const KernelTraceRow& row) const {
  const std::string prefix = trace_class(chip_, row);
  Bytes bytes = traffic(row.kernel);
  if (const auto* g = std::get_if<GemmKernel>(&row.kernel))
    bytes = static_cast<double>(g->m) * static_cast<double>(g->k) * static_cast<double>(g->groups) *
            (bytes_per_element(Precision::kBf16) + bytes_per_element(g->precision));
  return Seconds(parameters_.get(prefix + ".neighbour_launch", 0)) +
         parameters_.get(prefix + ".neighbour_passes", 0) * bytes / chip_.device_hbm_bandwidth();
}

std::string report_class(const ChipSpec& chip, const KernelTraceRow& row) {
  const std::string name = trace_class(chip, row);
  const auto* g = std::get_if<GemmKernel>(&row.kernel);
  if (g != nullptr && row.training) return fmt::format("{} training {}", name, to_string(g->pass));
  if (!row.library.empty()) return fmt::format("{} {}", name, row.library);
  return row.with_neighbour ? name + " with neighbour" : name;
}

std::string trace_class(const ChipSpec& chip, const KernelTraceRow& row) {
  return class_candidates(row.kernel, chip).front();
}

TraceRows comparable_rows(const TraceRows& rows) {
  std::map<std::tuple<std::vector<double>, bool, std::string>, const KernelTraceRow*> best;
  TraceRows kept;
  for (const KernelTraceRow* row : rows) {
    if (row->training) {
      kept.push_back(row);
      continue;
    }
    const KernelTraceRow*& slot = best[{identity(row->kernel), row->with_neighbour, row->library}];
    if (slot == nullptr || row->measured < slot->measured) slot = row;
  }
  for (const auto& [key, row] : best) kept.push_back(row);
  return kept;
}

std::vector<double> log_errors(const ChipSpec& chip, const TraceRows& rows) {
  const TracePredictor predictor(chip);
  std::vector<double> errors;
  for (const KernelTraceRow* row : rows) errors.push_back(std::log(predictor.cost(*row).time / row->measured));
  return errors;
}

KernelClassError error_summary(const std::string& name, const std::vector<double>& log_residuals) {
  const std::vector<double> errors = relative_errors(log_residuals);
  return {name, static_cast<std::int64_t>(errors.size()), quantile(errors, 0.5), quantile(errors, 0.9)};
}

Seconds predict_trace(const ChipSpec& chip, const KernelTraceRow& row) { return TracePredictor(chip).cost(row).time; }

}  // namespace supernode
