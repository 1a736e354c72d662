#include "calibration/kernel_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "calibration/chip_spec.hpp"
#include "calibration/kernel_parameters.hpp"

namespace supernode {
namespace {

class FittedKernelCost : public KernelCostModel {
 public:
  explicit FittedKernelCost(const ChipSpec& chip) : chip_(chip), parameters_(chip_.fit) {}

  KernelCost cost(const Kernel& kernel) const override {
    const Kernel run = as_run(kernel);
    const DeviceRates device = device_rates(chip_, arithmetic(run));
    KernelCost cost;
    const bool vector = std::holds_alternative<VectorKernel>(run);
    cost.compute = flops(run) / (vector ? vector_peak() : device.peak);
    cost.memory = traffic(run) / device.hbm;
    cost.time = max(std::visit([&](const auto& k) { return time(k, device); }, run), max(cost.compute, cost.memory));
    cost.deviation = cost.time * relative_deviation(run);
    return cost;
  }

 private:
  // The kernel in the format that the chip's software uses for it.
  Kernel as_run(Kernel kernel) const {
    if (auto* g = std::get_if<GemmKernel>(&kernel)) g->precision = chip_.effective(g->precision);
    if (auto* a = std::get_if<AttentionKernel>(&kernel)) a->precision = chip_.effective(a->precision);
    return kernel;
  }

  Seconds time(const GemmKernel& gemm, const DeviceRates& device) const {
    return gemm_time(gemm, device, parameters_.gemm(gemm, chip_)).total;
  }
  Seconds time(const AttentionKernel& attention, const DeviceRates& device) const {
    return attention_time(attention, device, parameters_.attention(attention, chip_));
  }
  // Bandwidth ramps up with size: bytes/(bytes + half) of its share.
  Seconds time(const VectorKernel& vector, const DeviceRates& device) const {
    const Bytes moved = vector.read + vector.written + Bytes(parameters_.vector_half());
    const Seconds launch = Seconds(parameters_.get("vector.launch", device.launch.value()));
    return launch + max(moved / (device.hbm * parameters_.vector_memory(vector.kind)), vector.flops / vector_peak());
  }

  FlopsPerSecond vector_peak() const { return chip_.vector_peak.value / static_cast<double>(chip_.devices_per_chip); }

  // Standard deviation of the class's log residuals; wider for a borrowed class and outside the box of its traces.
  double relative_deviation(const Kernel& kernel) const {
    constexpr double kUnfitted = 0.35;  // no trace at all: the spread of efficiencies between chips
    constexpr double kBorrowed = 1.5;
    constexpr double kGrowth = 0.08;  // per factor e outside the box
    const ClassLookup found = parameters_.find_class(kernel, chip_);
    double deviation = found.prefix.empty() ? kUnfitted : parameters_.get(found.prefix + ".deviation", kUnfitted);
    if (!found.own) deviation *= kBorrowed;
    if (const auto* g = std::get_if<GemmKernel>(&kernel))
      deviation = std::max(deviation, parameters_.get(fmt::format("gemm.{}.deviation", to_string(g->pass)), 0));
    return std::hypot(deviation, kGrowth * distance_outside(found.prefix, kernel));
  }

  // Sum over the axes of how far, in ln size, the kernel lies outside its class's traces.
  double distance_outside(const std::string& prefix, const Kernel& kernel) const {
    double distance = 0;
    for (const ShapeAxis& axis : shape_axes(kernel)) {
      const double low = parameters_.get(fmt::format("{}.min_{}", prefix, axis.name), axis.size);
      const double high = parameters_.get(fmt::format("{}.max_{}", prefix, axis.name), axis.size);
      if (axis.size <= 0) continue;
      distance += std::max({0.0, std::log(low / axis.size), std::log(axis.size / high)});
    }
    return distance;
  }

  const ChipSpec chip_;
  const KernelParameters parameters_;
};

}  // namespace

std::unique_ptr<KernelCostModel> make_kernel_cost_model(const ChipSpec& chip) {
  return std::make_unique<FittedKernelCost>(chip);
}

}  // namespace supernode
