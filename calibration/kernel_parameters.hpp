#pragma once
// The fitted parameters of a chip by name, with the rule for those it lacks: the nearest relative's, else a general
// value. docs/models/kernels.md lists the names.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/kernel.hpp"
#include "calibration/attention_cost.hpp"
#include "calibration/chip_spec.hpp"
#include "calibration/decode_cost.hpp"
#include "calibration/gemm_cost.hpp"

namespace supernode {

// Formats whose fit stands in for that of `precision`, nearest first, itself included: first those with the same
// element size, then bf16, then whatever else may have been fitted.
std::vector<Precision> sibling_order(Precision precision);

// A class of kernels that share a fit: "gemm.bf16", "grouped_gemm.fp8_block", "attention.forward.bf16",
// "attention.decode.bf16", "vector.norm".
struct ClassLookup {
  std::string prefix;  // of the class whose parameters are used; "" when no relative is fitted
  bool own = true;     // it is the kernel's own class
};

class KernelParameters {
 public:
  explicit KernelParameters(const KernelFit& fit) : fit_(&fit) {}

  ClassLookup find_class(const Kernel& kernel, const ChipSpec& chip) const;
  GemmParameters gemm(const GemmKernel& gemm, const ChipSpec& chip) const;
  // Those of a block of rows, also for a kernel of one row.
  AttentionParameters attention(const AttentionKernel& attention, const ChipSpec& chip) const;
  DecodeParameters decode(const AttentionKernel& attention, const ChipSpec& chip) const;
  double vector_memory(VectorKind kind) const;  // share of the HBM bandwidth
  double vector_half() const;                   // bytes at which half of it is reached

  bool has(const std::string& name) const { return fit_->parameters.contains(name); }
  double get(const std::string& name, double otherwise) const;

 private:
  std::string first_fitted(const std::vector<std::string>& prefixes) const;
  const KernelFit* fit_;
};

// What the pass of a GEMM is called in parameter names: "forward", "dgrad", "wgrad".
std::string_view to_string(Pass pass);

// Prefixes of the classes that may stand in for the kernel's own, which is the first.
std::vector<std::string> class_candidates(const Kernel& kernel, const ChipSpec& chip);

// The dimensions in which a class's traces are boxed, with their names: m, n, k of a GEMM, …
struct ShapeAxis {
  std::string_view name;
  double size;
};
std::vector<ShapeAxis> shape_axes(const Kernel& kernel);
std::array<double, 3> shape_sizes(const Kernel& kernel);  // of the axes, 0 beyond the last

// The device's rates for a kernel in `precision` (its effective format).
DeviceRates device_rates(const ChipSpec& chip, Precision precision);

}  // namespace supernode
