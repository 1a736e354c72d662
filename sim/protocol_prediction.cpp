#include "sim/protocol_prediction.hpp"

#include <cstdint>

#include "sim/collective_cost.hpp"
#include "sim/protocol_samples.hpp"

namespace supernode {
std::vector<CollectivePrediction> predict_collectives(const SystemSpec& system, const CollectiveProtocol& protocol,
                                                      const std::vector<CollectiveTraceRow>& rows) {
  std::vector<std::size_t> asked;  // rows, one a sample
  std::vector<ProtocolSample> samples;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].system == system.name)
      if (auto sample = protocol_sample(system, rows[i], protocol.copy_per_expert)) {
        asked.push_back(i);
        samples.push_back(std::move(*sample));
      }
  std::vector<CollectivePrediction> predictions;
  if (asked.empty()) return predictions;
  const Fabric fabric = build_fabric(system, chips_for(system, samples));
  CollectiveCostModel model(fabric, protocol);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const ProtocolSample& sample = samples[i];
    const CollectiveCost cost = model.cost(sample.call, sample.members);
    predictions.push_back({asked[i], protocol_key(sample.op, sample.scale_out, sample.low_latency), sample.measured,
                           cost.time, cost.algorithm});
  }
  return predictions;
}

}  // namespace supernode
