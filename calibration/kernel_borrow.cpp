#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "calibration/emit_sourced.hpp"
#include "calibration/kernel_fit.hpp"
#include "calibration/kernel_tables.hpp"

namespace supernode {
namespace {

constexpr double kBorrowedDeviation = 1.5;  // a relative's fit is that much less certain
constexpr double kLeastDeviation = 0.1;     // efficiencies of related chips differ by so much

class Borrower {
 public:
  Borrower(KernelFit& fit, const KernelFit& sibling, std::string_view name, double headroom)
      : fit_(fit), own_(fit), sibling_(sibling), name_(name), headroom_(headroom) {}

  void run() {
    for (const auto& [name, value] : sibling_.parameters) {
      const std::string group = class_of(name);
      if (group == "gemm.forward" || own_has_class(group)) continue;
      set(name, value, factor(name));
    }
    for (const auto& [name, model] : sibling_.residuals)
      if (!is_training_pass(name) && !own_has_class(name)) fit_.residuals[name] = model;
  }

 private:
  // "gemm.bf16" of "gemm.bf16.k_ramp"; the first three words of attention; "gemm.dgrad" of "gemm.dgrad.max_m".
  static std::string class_of(const std::string& name) {
    std::size_t end = name.find('.');
    for (int words = name.starts_with("attention.") ? 2 : 1; words > 0 && end != std::string::npos; --words)
      end = name.find('.', end + 1);
    return name.substr(0, end);
  }

  static bool is_training_pass(const std::string& name) {
    return name.ends_with(".forward") || name.ends_with(".dgrad") || name.ends_with(".wgrad");
  }

  bool own_has_class(const std::string& group) const {
    return std::any_of(own_.parameters.begin(), own_.parameters.end(),
                       [&](const auto& entry) { return class_of(entry.first) == group; });
  }

  static double get(const KernelFit& fit, const std::string& name, double otherwise) {
    const auto found = fit.parameters.find(name);
    return found == fit.parameters.end() ? otherwise : found->second.value;
  }

  double factor(const std::string& name) const {
    if (name.ends_with("deviation")) return kBorrowedDeviation;
    for (const char* in_matrix_time : {".k_ramp", ".tile_penalty", ".head_half", ".sequence_ramp"})
      if (name.ends_with(in_matrix_time)) return 1 / headroom_;
    if (name == "gemm.dgrad" || name == "gemm.wgrad")
      return get(own_, "gemm.forward", 1) / get(sibling_, "gemm.forward", 1);
    if (name.starts_with("grouped_gemm.") && name.ends_with(".efficiency")) return dense_ratio(class_of(name));
    return 1;
  }

  // Own dense rate over the sibling's dense rate in the same format, else in bf16; 1 when own has neither and takes the
  // sibling's dense fit as well.
  double dense_ratio(const std::string& group) const {
    const std::string dense = "gemm" + group.substr(group.find('.')) + ".efficiency";
    for (const std::string& key : {dense, std::string("gemm.bf16.efficiency")}) {
      const double own = get(own_, key, 0), theirs = get(sibling_, key, 0);
      if (own > 0 && theirs > 0)
        return own * get(own_, "gemm.forward", 1) / (theirs * get(sibling_, "gemm.forward", 1));
    }
    return 1;
  }

  void set(const std::string& name, const Sourced<double>& value, double factor) {
    constexpr double kThrottled = 0.97;  // of its peak: H20's best GEMM and decode traces reach 0.95 to 0.98
    double result = value.value * factor;
    if (name.ends_with(".efficiency")) result = std::min(result * headroom_, headroom_ > 1 ? kThrottled : 1.0);
    if (name.ends_with(".deviation") || name.ends_with(".near_deviation")) result = std::max(result, kLeastDeviation);
    fit_.parameters[name] = {result, fmt::format("{}, {}", name_, value.source), Confidence::kDerived};
  }

  KernelFit& fit_;
  const KernelFit own_;
  const KernelFit& sibling_;
  const std::string name_;
  const double headroom_;
};

}  // namespace

void borrow_missing(KernelFit& fit, const KernelFit& sibling, std::string_view sibling_name, double headroom) {
  Borrower(fit, sibling, sibling_name, headroom).run();
}

double matrix_headroom(const ChipSpec& chip, const ChipSpec& sibling) {
  const auto rate = [](const ChipSpec& c) {
    return c.device_peak(Precision::kBf16).value() * static_cast<double>(c.devices_per_chip) /
           (static_cast<double>(c.cores.value) * c.clock.value.value());
  };
  // Generations differ in what a core does: only a chip far below its sibling is throttled.
  const double ratio = rate(sibling) / rate(chip);
  return ratio > 2 ? ratio : 1;
}

std::string emit_fit(const KernelFit& fit) {
  std::string text = "fit:\n";
  text += fmt::format("  traces: {}\n", yaml_quoted(fit.traces));
  text += "  launch: " + emit_sourced(fmt::format("{:.4g} us", fit.launch.value.value() * 1e6), fit.launch);
  if (!fit.tables.empty()) text += fmt::format("  tables: {}\n", fit.tables);
  text += "  parameters:\n";
  for (const auto& [name, value] : fit.parameters)
    text += fmt::format("    {}: {}", name, emit_sourced(fmt::format("{:.5g}", value.value), value));
  if (fit.tables.empty()) text += emit_kernel_tables(fit, 2);
  return text;
}

}  // namespace supernode
