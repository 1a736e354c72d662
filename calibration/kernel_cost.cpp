#include "calibration/kernel_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>

#include "calibration/chip_spec.hpp"
#include "calibration/kernel_parameters.hpp"

namespace supernode {
namespace {

// What kernels of one kind, format and pass share, looked up once: names are text, and a step prices thousands of
// kernels.
struct KernelClass {
  DeviceRates device;
  GemmParameters gemm;
  AttentionParameters attention;
  DecodeParameters decode;
  double vector_memory = 1, vector_half = 0;
  Seconds vector_launch{}, vector_head{};
  double deviation = 0;            // of ln time, away from the traces but within their box
  double near_deviation = 0;       // at one of them
  double parameter_deviation = 0;  // what the parameters' own uncertainty adds
  const ResidualModel* residual = nullptr;
  struct Range {
    double low = 0, high = 0;  // of the traces; both 0: not known
  };
  std::array<Range, 3> box;  // of shape_axes, in their order
};

constexpr std::size_t kFormats = kAllPrecisions.size();
constexpr std::size_t kGemmClasses = kFormats * 3 * 2, kAttentionClasses = kFormats * 3, kVectorClasses = 10;

std::size_t slot(const GemmKernel& g) {
  return (static_cast<std::size_t>(g.precision) * 3 + static_cast<std::size_t>(g.pass)) * 2 + (g.groups > 1 ? 1 : 0);
}
std::size_t slot(const AttentionKernel& a) {
  const std::size_t kind = a.backward ? 1 : a.seq_q == 1 ? 2 : 0;
  return kGemmClasses + static_cast<std::size_t>(a.precision) * 3 + kind;
}
std::size_t slot(const VectorKernel& v) { return kGemmClasses + kAttentionClasses + static_cast<std::size_t>(v.kind); }

class FittedKernelCost : public KernelCostModel {
 public:
  explicit FittedKernelCost(const ChipSpec& chip) : chip_(chip), parameters_(chip_.fit) {}

  KernelCost cost(const Kernel& kernel) const override {
    const Kernel run = as_run(kernel);
    const KernelClass& known = class_of(run);
    KernelCost cost;
    const bool vector = std::holds_alternative<VectorKernel>(run);
    cost.compute = flops(run) / (vector ? vector_peak() : known.device.peak);
    cost.memory = traffic(run) / known.device.hbm;
    const Seconds curve = std::visit([&](const auto& k) { return time(k, known); }, run);
    const Correction correction = known.residual ? known.residual->at(shape_point(run)) : Correction{};
    cost.time = max(curve * std::exp(correction.log_factor), max(cost.compute, cost.memory));
    cost.deviation = cost.time * relative_deviation(run, known, correction.closeness);
    return cost;
  }

 private:
  // The kernel in the format that the chip's software uses for it.
  Kernel as_run(Kernel kernel) const {
    if (auto* g = std::get_if<GemmKernel>(&kernel)) g->precision = chip_.effective(g->precision);
    if (auto* a = std::get_if<AttentionKernel>(&kernel)) a->precision = chip_.effective(a->precision);
    return kernel;
  }

  const KernelClass& class_of(const Kernel& run) const {
    const std::size_t index = std::visit([](const auto& k) { return slot(k); }, run);
    std::call_once(looked_up_[index], [&] { classes_[index] = look_up(run); });
    return classes_[index];
  }

  KernelClass look_up(const Kernel& run) const {
    constexpr double kUnfitted = 0.35;  // no trace at all: the spread of efficiencies between chips
    constexpr double kBorrowed = 1.5;
    const ClassLookup found = parameters_.find_class(run, chip_);
    const auto value = [&](std::string_view name, double otherwise) {
      return parameters_.get(fmt::format("{}.{}", found.prefix, name), otherwise);
    };
    KernelClass known;
    known.device = device_rates(chip_, arithmetic(run));
    std::visit([&](const auto& k) { look_up(k, known); }, run);
    const double widened = found.own ? 1 : kBorrowed;
    known.deviation = widened * (found.prefix.empty() ? kUnfitted : value("deviation", kUnfitted));
    known.near_deviation = widened * value("near_deviation", known.deviation / widened);
    known.parameter_deviation = value("parameter_deviation", 0);
    known.residual = found.own ? residual(found.prefix) : nullptr;
    const std::vector<ShapeAxis> axes = shape_axes(run);
    for (std::size_t i = 0; i < axes.size(); ++i)
      known.box[i] = {value(fmt::format("min_{}", axes[i].name), 0), value(fmt::format("max_{}", axes[i].name), 0)};
    if (const auto* g = std::get_if<GemmKernel>(&run)) use_training_pass(*g, known);
    return known;
  }

  // A training pass with a factor of its own runs other kernels than inference does: it has its own deviation, and no
  // correction but its own.
  void use_training_pass(const GemmKernel& gemm, KernelClass& known) const {
    if (gemm.groups > 1 && gemm.pass == Pass::kForward) return;  // the class itself, by definition
    const std::string name = fmt::format("{}.{}", gemm.groups > 1 ? "grouped_gemm" : "gemm", to_string(gemm.pass));
    if (!parameters_.has(name)) return;
    known.deviation = std::max(known.deviation, parameters_.get(name + ".deviation", 0));
    known.near_deviation = std::max(known.near_deviation, parameters_.get(name + ".near_deviation", known.deviation));
    known.residual = residual(name);
  }

  const ResidualModel* residual(const std::string& name) const {
    const auto found = chip_.fit.residuals.find(name);
    return found == chip_.fit.residuals.end() ? nullptr : &found->second;
  }

  void look_up(const GemmKernel& gemm, KernelClass& known) const { known.gemm = parameters_.gemm(gemm, chip_); }
  void look_up(const AttentionKernel& attention, KernelClass& known) const {
    known.attention = parameters_.attention(attention, chip_);
    known.decode = parameters_.decode(attention, chip_);
  }
  void look_up(const VectorKernel& vector, KernelClass& known) const {
    known.vector_memory = parameters_.vector_memory(vector.kind);
    known.vector_half = parameters_.vector_half();
    known.vector_head = Seconds(parameters_.get("vector.head", 0));
    known.vector_launch = Seconds(parameters_.get("vector.launch", known.device.launch.value()));
  }

  Seconds time(const GemmKernel& gemm, const KernelClass& known) const {
    return gemm_time(gemm, known.device, known.gemm).total;
  }
  Seconds time(const AttentionKernel& attention, const KernelClass& known) const {
    return attention.seq_q == 1 && !attention.backward ? decode_time(attention, known.device, known.decode)
                                                       : attention_time(attention, known.device, known.attention);
  }
  // Bandwidth ramps up with size: bytes/(bytes + half) of its share. A kernel that fills all cores takes longer to
  // launch than one of a few rows.
  Seconds time(const VectorKernel& vector, const KernelClass& known) const {
    constexpr double kAllCores = 1e6;  // bytes that do: 48 vector cores of an Ascend with a buffer of 20 KB each
    const Bytes moved = vector.read + vector.written + Bytes(known.vector_half);
    const double filled = std::pow((vector.read + vector.written).value() / kAllCores, 4);
    return known.vector_launch + known.vector_head * (filled / (1 + filled)) +
           max(moved / (known.device.hbm * known.vector_memory), vector.flops / vector_peak());
  }

  FlopsPerSecond vector_peak() const { return chip_.vector_peak.value / static_cast<double>(chip_.devices_per_chip); }

  // The spread of the class's residuals, what its parameters leave open, and how far the kernel lies outside its
  // traces.
  static double relative_deviation(const Kernel& kernel, const KernelClass& known, double closeness) {
    constexpr double kGrowth = 0.08;  // per factor e outside the box
    const double spread = closeness * known.near_deviation + (1 - closeness) * known.deviation;
    const double outside = kGrowth * distance_outside(kernel, known);
    return std::sqrt(spread * spread + known.parameter_deviation * known.parameter_deviation + outside * outside);
  }

  // Sum over the axes of how far, in ln size, the kernel lies outside its class's traces.
  static double distance_outside(const Kernel& kernel, const KernelClass& known) {
    const std::array<double, 3> sizes = shape_sizes(kernel);
    double distance = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i)
      if (sizes[i] > 0 && known.box[i].high > 0)
        distance += std::max({0.0, std::log(known.box[i].low / sizes[i]), std::log(sizes[i] / known.box[i].high)});
    return distance;
  }

  const ChipSpec chip_;
  const KernelParameters parameters_;
  mutable std::array<KernelClass, kGemmClasses + kAttentionClasses + kVectorClasses> classes_;
  mutable std::array<std::once_flag, kGemmClasses + kAttentionClasses + kVectorClasses> looked_up_;
};

}  // namespace

std::unique_ptr<KernelCostModel> make_kernel_cost_model(const ChipSpec& chip) {
  return std::make_unique<FittedKernelCost>(chip);
}

}  // namespace supernode
