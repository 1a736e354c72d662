#pragma once
// A chip as the cost models see it: datasheet physics and the fitted model of its kernels.
// Read from calibration/catalog/chips/*.yaml.

#include <cstdint>
#include <map>
#include <string>

#include "base/precision.hpp"
#include "base/quantity.hpp"
#include "base/spec_reader.hpp"

namespace supernode {

// Fitted by calibration/fit (never by hand); see docs/models/kernels.md for the equations that use each field.
struct KernelFit {
  Sourced<Seconds> launch;  // device time of an empty kernel
  std::map<std::string, Sourced<double>>
      parameters;      // by name, e.g. "gemm.bf16.efficiency", "attention.fwd.efficiency"
  std::string traces;  // what it was fitted from
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
  KernelFit fit;

  // The format the chip's software runs instead of `precision` (itself when the chip has it).
  Precision effective(Precision precision) const;
  FlopsPerSecond device_peak(Precision precision) const;  // of the effective format, one rank
  BytesPerSecond device_hbm_bandwidth() const;
  Bytes device_hbm_capacity() const;
};

void bind(ChipSpec& spec, SpecReader& reader);

}  // namespace supernode
