#pragma once
// Time of a GEMM on one device: tiles spread over the cores in waves, operands through an L2 of finite size.
// Equations and the meaning of each parameter: docs/models/kernels.md.

#include <cstdint>

#include "base/kernel.hpp"
#include "base/quantity.hpp"

namespace supernode {

// What a kernel model needs of one device (one rank's share of a chip).
struct DeviceRates {
  FlopsPerSecond peak{};  // of the kernel's effective format
  BytesPerSecond hbm{};
  Bytes l2{};
  std::int64_t cores = 1;
  std::int64_t tile_m = 128, tile_n = 128;
  Seconds launch{};
};

struct GemmParameters {
  double efficiency = 0.75;   // of the peak, largest tile, long k
  double k_ramp = 128;        // prologue and epilogue of a tile, in elements of k
  double tile_penalty = 0.3;  // how much the rate falls as the tile's operand traffic per FLOP doubles
  double wave = 0.7;          // 1: whole waves; 0: a partial wave costs only its share
  double memory = 0.8;        // share of the HBM bandwidth reached
  double max_split = 16;      // most parts that the library cuts k into
  double serial = 0.3;        // share of the shorter of computation and memory that is not hidden
};

struct GemmTime {
  Seconds total{};    // launch included
  Seconds compute{};  // tiles and waves included
  Seconds memory{};   // re-reads included
};

// The fastest over the tile shapes and k splits that a library would try. total >= flops/peak and >= compulsory
// traffic/bandwidth whatever the parameters (efficiency, memory <= 1; the others >= 0).
GemmTime gemm_time(const GemmKernel& gemm, const DeviceRates& device, const GemmParameters& parameters);

}  // namespace supernode
