#pragma once
// A chip as the cost models see it: datasheet physics and the fitted model of its kernels.
// Read from calibration/catalog/chips/*.yaml.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/precision.hpp"
#include "base/quantity.hpp"
#include "base/spec_reader.hpp"
#include "calibration/kernel_residual.hpp"

namespace supernode {

// Upper triangle, row by row, of a class's parameters. Their share of a prediction's deviation is the class's
// `parameter_deviation`.
struct ParameterCovariance {
  std::vector<std::string> parameters;
  std::vector<double> values;
};

// Fitted by calibration/fit (never by hand); see docs/models/kernels.md for the equations that use each field.
struct KernelFit {
  Sourced<Seconds> launch;  // device time of an empty kernel
  std::map<std::string, Sourced<double>>
      parameters;      // by name, e.g. "gemm.bf16.efficiency", "attention.fwd.efficiency"
  std::string traces;  // what it was fitted from
  // Corrections of the fitted curves near the traces and covariances of the parameters stand here, or in the file of
  // catalog/kernels that `tables` names.
  std::string tables;
  ResidualModels residuals;
  // Of the logarithms of a class's parameters, which are named in its order.
  std::map<std::string, ParameterCovariance> covariances;
};

// All rates and capacities are per chip (package); per_device() gives one rank's share.
struct ChipSpec {
  std::string name;
  std::string vendor;
  std::int64_t dies = 1;                              // compute dies in the package
  std::int64_t devices_per_chip = 1;                  // ranks it hosts
  std::map<Precision, Sourced<FlopsPerSecond>> peak;  // dense
  // Formats the chip lacks and what its software runs instead, e.g. fp8 -> bf16 on a 910C.
  std::map<Precision, Precision> fallback;
  Sourced<FlopsPerSecond> vector_peak;
  Sourced<Bytes> hbm_capacity;
  Sourced<BytesPerSecond> hbm_bandwidth;
  Sourced<Bytes> l2_capacity;
  Sourced<std::int64_t> cores;  // matrix cores (SM, AI cube core)
  Sourced<Hertz> clock;
  Sourced<std::int64_t> tile_m, tile_n;  // output tile of one core's GEMM
  // Computation and communication that run at once slow one another by this factor (1.15 in Huawei's rule).
  Sourced<double> overlap_slowdown;
  // Share of the fit's matrix rates that a training job keeps up: a trace repeats one shape on a cool chip, training
  // runs against the limits of power and temperature for hours. Fitted with the software (docs/models/software.md).
  Sourced<double> sustained{1, {}, Confidence::kDerived};
  KernelFit fit;

  // The format the chip's software runs instead of `precision` (itself when the chip has it).
  Precision effective(Precision precision) const;
  FlopsPerSecond device_peak(Precision precision) const;  // of the effective format, one rank
  BytesPerSecond device_hbm_bandwidth() const;
  Bytes device_hbm_capacity() const;
};

void bind(ChipSpec& spec, SpecReader& reader);

}  // namespace supernode
