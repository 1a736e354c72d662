#pragma once
// Time of attention of one query row a sequence (decoding): the cache is read once, the query heads that share a
// key/value head are packed into one block of rows. Equations: docs/models/kernels.md.

#include "base/kernel.hpp"
#include "calibration/gemm_cost.hpp"

namespace supernode {

struct DecodeParameters {
  double efficiency = 0.5;  // of the matrix peak, padded rows counted
  double memory = 0.8;      // share of the HBM bandwidth
  double block = 16;        // query rows are padded to a multiple of this
  double half_bytes = 0;    // bytes at which half of the bandwidth is reached
  double serial = 0.3;      // share of the shorter of computation and memory that is not hidden
  double launch = 5e-6;     // seconds; the partial results of split caches are combined by a second kernel
};

// attention.seq_q == 1.
Seconds decode_time(const AttentionKernel& attention, const DeviceRates& device, const DecodeParameters& parameters);

}  // namespace supernode
