#include "sim/protocol_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include "calibration/protocol_fit.hpp"
#include "sim/collective_cost.hpp"
#include "sim/protocol_operation.hpp"
#include "sim/protocol_samples.hpp"
#include "sim/protocol_validation.hpp"

namespace supernode {
namespace {

using namespace literals;

// A row whose bare wire time is longer tells of bandwidth, a shorter one of latency.
constexpr Seconds kBandwidthBound = 50_us;

// A library that adds nothing: its costs are the fabric's.
CollectiveProtocol bare(const CalibrationOptions& options) {
  ProtocolRegime regime;
  regime.efficiency.value = 1;
  CollectiveProtocol protocol{.name = "bare", .system = "", .fits = {}, .traces = ""};
  protocol.fits["scale_up.all_reduce"].regimes = {regime};
  protocol.copy_per_expert = options.copy_per_expert;
  return protocol;
}

// A step is made of messages of many megabytes in groups of whole nodes: such rows weigh more than the many small ones.
int weight(const ProtocolSample& sample, Seconds wire) {
  if (sample.op == CollectiveOp::kEpDispatch || sample.op == CollectiveOp::kEpCombine) return 1;
  const int size = wire > kBandwidthBound * 6.0 ? 9 : wire > kBandwidthBound ? 3 : 1;
  return size * (sample.members.size() >= 8 ? 2 : 1);
}

class Calibrator {
 public:
  Calibrator(const SystemSpec& system, std::int64_t chips, const CalibrationOptions& options)
      : fabric_(build_fabric(system, chips)),
        library_(options.algorithms),
        protocol_(bare(options)),
        model_(fabric_, protocol_) {
    register_builtin_collectives(registry_);
  }

  // Without options when the library has no algorithm for it.
  MeasuredCall measure(const ProtocolSample& sample) {
    MeasuredCall measured{sample, {}};
    ProtocolRow& row = measured.row;
    const GroupShape shape = group_shape(fabric_, sample.members);
    for (const auto& algorithm : registry_.all()) {
      if (!allows(library_, sample.call.op, algorithm->name()) || !algorithm->supports(sample.call, shape)) continue;
      const CollectiveCost cost = model_.cost(sample.call, sample.members, algorithm->name());
      row.options.push_back({cost.algorithm, cost.rounds, cost.latency, cost.time - cost.latency});
      row.block = cost.block;
    }
    row.ranks = shape.size();
    row.tokens = sample.call.routing.tokens;
    row.measured = sample.measured;
    row.source = sample.source;
    if (!row.options.empty()) row.weight = weight(sample, row.options.front().wire);
    return measured;
  }

 private:
  Fabric fabric_;
  const LibraryAlgorithms& library_;
  CollectiveProtocol protocol_;
  CollectiveCostModel model_;
  CollectiveRegistry registry_;
};

bool excluded(const CollectiveTraceRow& row, const CalibrationOptions& options) {
  return std::ranges::any_of(options.exclude, [&](const std::string& word) {
    return row.note.find(word) != std::string::npos || row.software.find(word) != std::string::npos;
  });
}

std::vector<ProtocolSample> samples_of(const SystemSpec& system, const std::vector<CollectiveTraceRow>& rows,
                                       const CalibrationOptions& options) {
  std::vector<ProtocolSample> samples;
  for (const CollectiveTraceRow& row : rows) {
    const bool ours = row.system == system.name || std::ranges::count(options.also_systems, row.system) > 0;
    if (!ours || row.stands_in || excluded(row, options)) continue;
    if (auto sample = protocol_sample(system, row, options.copy_per_expert)) samples.push_back(std::move(*sample));
  }
  return samples;
}

std::string library_of(const std::vector<CollectiveTraceRow>& rows, const SystemSpec& system) {
  for (const CollectiveTraceRow& row : rows)
    if (row.system == system.name && (row.software == "nccl" || row.software == "hccl")) return row.software;
  const bool ascend = system.kind == FabricKind::kCloudMatrix || system.kind == FabricKind::kMesh;
  return ascend ? "hccl" : "nccl";
}

std::string source_list(const std::map<std::string, MeasuredCalls>& by_key) {
  std::set<std::string> sources;
  for (const auto& [key, calls] : by_key)
    for (const MeasuredCall& call : calls) sources.insert(call.sample.source);
  std::string text;
  for (const std::string& source : sources) text += (text.empty() ? "" : "; ") + source;
  return text;
}

// The fits of one system, in the order in which they lean on one another.
class Fitter {
 public:
  Fitter(std::map<std::string, MeasuredCalls> by_key, const CalibrationOptions& options, CalibratedProtocol& result)
      : by_key_(std::move(by_key)), options_(options), result_(result) {}

  void run() {
    for (const auto& [key, calls] : by_key_)
      if (!low_latency(calls) && determine_all(calls)) add(key, fit_operation(calls, options_.algorithms));
    for (const auto& [key, calls] : by_key_)
      if (!low_latency(calls) && !fits().contains(key)) add_rate(key, calls);
    for (const auto& [key, calls] : by_key_)
      if (low_latency(calls)) add(key, fit_low_latency(calls, throughput_of(calls)));
  }

 private:
  static bool low_latency(const MeasuredCalls& rows) { return rows.front().sample.low_latency; }
  std::map<std::string, ProtocolFit>& fits() { return result_.protocol.fits; }

  void add_rate(const std::string& key, const MeasuredCalls& rows) {
    const ProtocolSample& sample = rows.front().sample;
    const CollectiveProtocol* base = options_.like != nullptr ? options_.like : &result_.protocol;
    if (base->fits.empty()) return;
    if (const auto rate = fit_rate(rows, base->fit(sample.op, sample.scale_out))) add(key, *rate);
  }

  const ProtocolFit* throughput_of(const MeasuredCalls& rows) {
    const ProtocolSample& sample = rows.front().sample;
    const auto found = fits().find(protocol_key(sample.op, sample.scale_out));
    return found != fits().end() ? &found->second : nullptr;
  }

  // The same kind of fit without some of the calls.
  std::optional<ProtocolFit> refit(const MeasuredCalls& calls) {
    if (low_latency(calls)) return fit_low_latency(calls, throughput_of(calls)).fit;
    return determine_all(calls) ? std::optional(fit_operation(calls, options_.algorithms).fit) : std::nullopt;
  }

  void add(const std::string& key, const OperationFit& outcome) {
    const MeasuredCalls& calls = by_key_[key];
    fits()[key] = outcome.fit;
    auto unseen = unseen_calls(calls, [&](const MeasuredCalls& seen) { return refit(seen); });
    fits()[key].deviation = deviation_of(calls, unseen);
    result_.fits.push_back({key, static_cast<std::int64_t>(calls.size()), outcome.median_error, outcome.p90_error,
                            outcome.rate_only, unseen});
  }

  std::map<std::string, MeasuredCalls> by_key_;
  const CalibrationOptions& options_;
  CalibratedProtocol& result_;
};

}  // namespace

std::map<std::string, MeasuredCalls> measured_calls(const SystemSpec& system,
                                                    const std::vector<CollectiveTraceRow>& rows,
                                                    const CalibrationOptions& options) {
  const std::vector<ProtocolSample> samples = samples_of(system, rows, options);
  if (samples.empty()) throw std::runtime_error(fmt::format("no usable collective measured on '{}'", system.name));
  Calibrator calibrator(system, chips_for(system, samples), options);
  std::map<std::string, MeasuredCalls> by_key;
  for (const ProtocolSample& sample : samples) {
    MeasuredCall measured = calibrator.measure(sample);
    const std::string key = protocol_key(sample.op, sample.scale_out, sample.low_latency);
    if (!measured.row.options.empty()) by_key[key].push_back(std::move(measured));
  }
  return by_key;
}

CalibratedProtocol calibrate_protocol(const SystemSpec& system, const std::vector<CollectiveTraceRow>& rows,
                                      const CalibrationOptions& options) {
  auto by_key = measured_calls(system, rows, options);
  CalibratedProtocol result;
  result.protocol.name = library_of(rows, system);
  result.protocol.system = system.name;
  result.protocol.traces = source_list(by_key);
  result.protocol.algorithms = options.algorithms;
  result.protocol.copy_per_expert = options.copy_per_expert;
  Fitter(std::move(by_key), options, result).run();
  if (result.fits.empty()) throw std::runtime_error(fmt::format("too few collectives measured on '{}'", system.name));
  result.text = emit_protocol(result.protocol);
  return result;
}

}  // namespace supernode
