#include "sim/protocol_prediction.hpp"

#include <algorithm>
#include <cstdint>

#include "sim/collective_cost.hpp"
#include "sim/protocol_samples.hpp"

namespace supernode {
namespace {

struct Asked {
  std::size_t row = 0;
  ProtocolSample sample;
};

std::int64_t chips_for(const SystemSpec& system, const std::vector<Asked>& asked) {
  std::int64_t devices = 1;
  for (const Asked& one : asked) devices = std::max<std::int64_t>(devices, one.sample.members.back().index + 1);
  return (devices + system.devices_per_chip - 1) / system.devices_per_chip;
}

}  // namespace

std::vector<CollectivePrediction> predict_collectives(const SystemSpec& system, const CollectiveProtocol& protocol,
                                                      const std::vector<CollectiveTraceRow>& rows) {
  std::vector<Asked> asked;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].system == system.name)
      if (auto sample = protocol_sample(system, rows[i], protocol.copy_per_expert))
        asked.push_back({i, std::move(*sample)});
  std::vector<CollectivePrediction> predictions;
  if (asked.empty()) return predictions;
  const Fabric fabric = build_fabric(system, chips_for(system, asked));
  CollectiveCostModel model(fabric, protocol);
  for (const auto& [row, sample] : asked) {
    const CollectiveCost cost = model.cost(sample.call, sample.members);
    predictions.push_back({row, protocol_key(sample.op, sample.scale_out, sample.low_latency), sample.measured,
                           cost.time, cost.algorithm});
  }
  return predictions;
}

}  // namespace supernode
