#include "sim/protocol_prediction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>

#include "sim/collective_cost.hpp"
#include "sim/memory_rows.hpp"
#include "sim/protocol_samples.hpp"

namespace supernode {
namespace {

using namespace literals;

// Rows of one system by one library.
struct Batch {
  const SystemSpec* system = nullptr;
  const CollectiveProtocol* protocol = nullptr;
  std::vector<std::size_t> rows;
};

std::string name_of(const CollectiveProtocol& protocol) {
  return fmt::format("{} on {}", protocol.name, protocol.system);
}

// Loads and stores: a row of bandwidth as the time of a gibibyte.
void predict_access(const Batch& batch, const MemoryTraceRow& trace, CollectivePrediction& prediction) {
  const MemoryAccess& access = batch.protocol->memory_access;
  if (!access.fitted()) {
    prediction.skipped = fmt::format("no loads and stores are fitted for '{}'", batch.system->name);
    return;
  }
  const MemoryRow row = memory_rows(*batch.system, {trace}).front();
  const double ratio = predicted_over_measured(access, row);
  prediction.protocol = name_of(*batch.protocol);
  prediction.key = "memory_access";
  prediction.measured = trace.time ? *trace.time : 1_GiB / *trace.bandwidth;
  prediction.predicted = prediction.measured * (trace.time ? ratio : 1 / ratio);
  prediction.deviation = prediction.predicted * ProtocolDeviation::kUnknown;
}

Seconds hypot(Seconds a, Seconds b) { return Seconds(std::hypot(a.value(), b.value())); }

void predict_call(CollectiveCostModel& model, const CollectiveProtocol& protocol, const ProtocolSample& sample,
                  const std::string& row_system, CollectivePrediction& prediction) {
  const CollectiveCost cost = model.cost(sample.call, sample.members);
  prediction.protocol = name_of(protocol);
  prediction.key = protocol_key(sample.op, sample.scale_out, sample.low_latency);
  prediction.algorithm = cost.algorithm;
  prediction.measured = sample.measured;
  prediction.predicted = cost.time;
  prediction.deviation = cost.deviation;
  if (protocol.system != row_system)
    prediction.deviation = hypot(cost.deviation, cost.time * ProtocolDeviation::kTransfer);
}

void predict(const Batch& batch, const std::vector<CollectiveTraceRow>& rows,
             std::vector<CollectivePrediction>& predictions) {
  std::vector<ProtocolSample> samples;
  std::vector<CollectivePrediction*> asked;
  for (const std::size_t i : batch.rows) {
    CollectivePrediction& prediction = predictions[i];
    if (const auto access = as_memory_row(rows[i])) {
      predict_access(batch, *access, prediction);
    } else if (auto sample = protocol_sample(*batch.system, rows[i], batch.protocol->copy_per_expert)) {
      samples.push_back(std::move(*sample));
      asked.push_back(&prediction);
    } else {
      prediction.skipped = why_no_sample(rows[i]);
    }
  }
  if (samples.empty()) return;
  const Fabric fabric = build_fabric(*batch.system, chips_for(*batch.system, samples));
  CollectiveCostModel model(fabric, *batch.protocol);
  for (std::size_t i = 0; i < samples.size(); ++i)
    predict_call(model, *batch.protocol, samples[i], batch.system->name, *asked[i]);
}

// Rows to batches; what none can take is skipped.
class Sorter {
 public:
  Sorter(const CollectiveBench& bench, const std::vector<CollectiveTraceRow>& rows) : bench_(bench), rows_(rows) {}

  void sort(std::vector<CollectivePrediction>& predictions) {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      predictions[i].row = i;
      predictions[i].skipped = add(i);
    }
  }
  std::vector<Batch> batches() const {
    std::vector<Batch> all;
    for (const auto& [key, batch] : batches_) all.push_back(batch);
    return all;
  }

 private:
  std::string add(std::size_t i) {
    const CollectiveTraceRow& row = rows_[i];
    const auto [found, fresh] = systems_.try_emplace(row.system);
    if (fresh) found->second = bench_.system(row.system);
    if (!found->second) return fmt::format("unknown system '{}'", row.system);
    const CollectiveProtocol* protocol = bench_.protocol(row);
    if (protocol == nullptr) return fmt::format("no communication library for '{}'", row.system);
    Batch& batch = batches_[{row.system, name_of(*protocol)}];
    batch.system = &*found->second;
    batch.protocol = protocol;
    batch.rows.push_back(i);
    return "";
  }

  const CollectiveBench& bench_;
  const std::vector<CollectiveTraceRow>& rows_;
  std::map<std::string, std::optional<SystemSpec>> systems_{};
  std::map<std::pair<std::string, std::string>, Batch> batches_{};  // by system and library
};

}  // namespace

std::string_view to_string(CollectiveClass of) {
  switch (of) {
    case CollectiveClass::kBelowMebibyte:
      return "< 1 MiB";
    case CollectiveClass::kFromMebibyte:
      return ">= 1 MiB";
    case CollectiveClass::kExpertExchange:
      return "expert exchange";
    case CollectiveClass::kMemoryAccess:
      return "memory access";
  }
  return "";
}

CollectiveClass collective_class(const CollectiveTraceRow& row) {
  if (!row.other_op.empty()) return CollectiveClass::kMemoryAccess;
  if (row.op == CollectiveOp::kEpDispatch || row.op == CollectiveOp::kEpCombine)
    return CollectiveClass::kExpertExchange;
  return row.bytes && *row.bytes < 1_MiB ? CollectiveClass::kBelowMebibyte : CollectiveClass::kFromMebibyte;
}

std::vector<CollectivePrediction> predict_collectives(const CollectiveBench& bench,
                                                      const std::vector<CollectiveTraceRow>& rows) {
  std::vector<CollectivePrediction> predictions(rows.size());
  Sorter sorter(bench, rows);
  sorter.sort(predictions);
  for (const Batch& batch : sorter.batches()) predict(batch, rows, predictions);
  return predictions;
}

std::vector<CollectivePrediction> predict_collectives(const SystemSpec& system, const CollectiveProtocol& protocol,
                                                      const std::vector<CollectiveTraceRow>& rows) {
  const CollectiveBench bench{
      [&](const std::string& name) { return name == system.name ? std::optional(system) : std::nullopt; },
      [&](const CollectiveTraceRow&) { return &protocol; }};
  std::vector<CollectivePrediction> predictions = predict_collectives(bench, rows);
  std::erase_if(predictions, [](const CollectivePrediction& p) { return !p.skipped.empty(); });
  return predictions;
}

const CollectiveProtocol* protocol_of_row(const std::vector<CollectiveProtocol>& protocols,
                                          const CollectiveTraceRow& row) {
  const CollectiveProtocol *closest = nullptr, *plain = nullptr;
  std::size_t best = 0;
  for (const CollectiveProtocol& protocol : protocols) {
    const bool own = protocol.system == row.system;
    if (protocol.measured.any()) {
      if (own && plain == nullptr) plain = &protocol;
      continue;
    }
    if (!own && std::ranges::count(protocol.measured.systems, row.system) == 0) continue;
    // Twice the closeness, so that a system's own goes before another's that asks as closely.
    const std::size_t match = 2 * protocol.measured.match(row.software, row.note);
    const std::size_t close = match > 0 && own ? match + 1 : match;
    if (close > best) best = close, closest = &protocol;
  }
  return closest != nullptr ? closest : plain;
}

}  // namespace supernode
