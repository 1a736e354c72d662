#include "calibration/decode_cost.hpp"

#include <cmath>

#include "base/numeric.hpp"

namespace supernode {

Seconds decode_time(const AttentionKernel& a, const DeviceRates& device, const DecodeParameters& p) {
  const double rows = std::ceil(real(a.heads) / real(a.kv_heads) / p.block) * p.block;
  const double padded = 2 * real(a.batch) * real(a.kv_heads) * rows * real(a.seq_kv) * real(a.head_dim + a.head_dim_v);
  const Seconds compute = Flops(padded) / (device.peak * p.efficiency);
  const Seconds memory = (traffic(a) + Bytes(p.half_bytes)) / (device.hbm * p.memory);
  return Seconds(p.launch) + max(compute, memory) + p.serial * min(compute, memory);
}

}  // namespace supernode
