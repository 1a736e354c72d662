#include "calibration/attention_cost.hpp"

#include <algorithm>
#include <cmath>

namespace supernode {

Seconds attention_time(const AttentionKernel& a, const DeviceRates& device, const AttentionParameters& p) {
  const double rows = static_cast<double>(a.seq_q), keys = static_cast<double>(a.seq_kv);
  const double mean_width = static_cast<double>(a.head_dim + a.head_dim_v) / 2;
  const double widest = static_cast<double>(std::max(a.head_dim, a.head_dim_v));
  const double width = mean_width + p.padding * (widest - mean_width);
  const double rate = device.peak.value() * p.efficiency / (1 + p.head_half / width);
  const double core_rate = rate / static_cast<double>(device.cores);

  // A unit is one block of rows against its keys; padded rows compute too. FLOPs per row and key: 4·width forward.
  const double blocks = std::ceil(rows / p.block);
  const double per_pair = 4 * width * (a.backward ? 2.5 : 1.0);
  const double mean_keys = a.causal ? keys / 2 : keys;
  const double heads = static_cast<double>(a.batch) * static_cast<double>(a.heads);
  const double total = heads * blocks * p.block * per_pair * (mean_keys + p.sequence_ramp);
  const double longest = p.block * per_pair * (keys + p.sequence_ramp);
  const double spread = total / rate + p.tail * longest / core_rate;
  const Seconds compute = Seconds(std::max(spread, longest / core_rate));
  const Seconds memory = traffic(a) / (device.hbm * p.memory);
  return device.launch + max(compute, memory);
}

}  // namespace supernode
