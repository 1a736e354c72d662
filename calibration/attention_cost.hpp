#pragma once
// Time of flash attention on one device: blocks of query rows (backward: of keys) of each head, spread over the cores.
// Equations: docs/models/kernels.md.

#include "base/kernel.hpp"
#include "calibration/gemm_cost.hpp"

namespace supernode {

struct AttentionParameters {
  double efficiency = 0.7;     // of the matrix peak for wide heads
  double head_half = 30;       // width (mean of q/k and v) at which softmax takes as long as the matrix products
  double padding = 0.3;        // how far unequal widths of q/k and v are computed as if both were the wider
  double block = 128;          // rows of one unit of work
  double sequence_ramp = 100;  // prologue and epilogue of a unit, in keys
  double tail = 0.5;           // how much of the longest unit's time the last ones stick out
  double memory = 0.8;         // share of the HBM bandwidth
};

// total >= flops/peak and >= compulsory traffic/bandwidth.
Seconds attention_time(const AttentionKernel& attention, const DeviceRates& device,
                       const AttentionParameters& parameters);

}  // namespace supernode
