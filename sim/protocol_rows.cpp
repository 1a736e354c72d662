#include "sim/protocol_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include "calibration/protocol_fit.hpp"
#include "calibration/robust_fit.hpp"
#include "sim/collective_cost.hpp"
#include "sim/protocol_samples.hpp"

namespace supernode {
namespace {

using namespace literals;

// A row whose bare wire time is longer tells of bandwidth, a shorter one of latency.
constexpr Seconds kBandwidthBound = 50_us;

// What one algorithm costs on the bare fabric for one sample.
struct Option {
  std::string algorithm;
  std::int64_t steps = 0;
  Seconds hops{}, wire{};
  Bytes chunk{};
};

struct Measured {
  ProtocolSample sample;
  std::vector<Option> options;
};

// A library that adds nothing: its costs are the fabric's.
CollectiveProtocol bare() {
  ProtocolFit fit;
  fit.efficiency.value = 1;
  return {"bare", "", {{"scale_up.all_reduce", fit}}, ""};
}

class Calibrator {
 public:
  Calibrator(const SystemSpec& system, std::int64_t chips, const LibraryAlgorithms& library)
      : fabric_(build_fabric(system, chips)), library_(library), protocol_(bare()), model_(fabric_, protocol_) {
    register_builtin_collectives(registry_);
  }

  Measured measure(const ProtocolSample& sample) {
    Measured measured{sample, {}};
    const GroupShape shape = group_shape(fabric_, sample.members);
    for (const auto& algorithm : registry_.all()) {
      if (!allows(library_, sample.call.op, algorithm->name()) || !algorithm->supports(sample.call, shape)) continue;
      const CollectiveCost cost = model_.cost(sample.call, sample.members, algorithm->name());
      measured.options.push_back({cost.algorithm, cost.rounds, cost.latency, cost.time - cost.latency, cost.chunk});
    }
    return measured;
  }

 private:
  Fabric fabric_;
  const LibraryAlgorithms& library_;
  CollectiveProtocol protocol_;
  CollectiveCostModel model_;
  CollectiveRegistry registry_;
};

Seconds predicted(const ProtocolFit& fit, const Option& option) {
  return option.hops + predict(fit, option.steps, option.wire, option.chunk);
}

const Option& fastest(const ProtocolFit& fit, const Measured& measured) {
  const Option* best = nullptr;
  for (const Option& option : measured.options) {
    if (option.algorithm == "nvls" && !fit.in_network_reduction) continue;
    if (best == nullptr || predicted(fit, option) < predicted(fit, *best)) best = &option;
  }
  return *best;
}

struct Outcome {
  ProtocolFit fit;
  double loss = 0;  // weighted mean of |log error|
  double median = 0, p90 = 0;
  bool rate_only = false;
};

// A step is made of messages of many megabytes in groups of whole nodes: such rows weigh more than the many small ones.
// Of expert exchanges, throughput kernels weigh more than those made for decoding.
int weight(const Measured& row) {
  const bool expert = row.sample.op == CollectiveOp::kEpDispatch || row.sample.op == CollectiveOp::kEpCombine;
  if (expert) return row.sample.low_latency ? 1 : 3;
  const Seconds wire = row.options.front().wire;
  const int size = wire > kBandwidthBound * 6.0 ? 9 : wire > kBandwidthBound ? 3 : 1;
  return size * (row.sample.members.size() >= 8 ? 2 : 1);
}

void score(const std::vector<Measured>& rows, Outcome& outcome) {
  std::vector<double> errors;
  double weights = 0;
  outcome.loss = 0;
  for (const Measured& row : rows) {
    const double ratio = predicted(outcome.fit, fastest(outcome.fit, row)) / row.sample.measured;
    errors.push_back(std::abs(ratio - 1));
    outcome.loss += weight(row) * std::abs(std::log(ratio));
    weights += weight(row);
  }
  outcome.loss /= weights;
  outcome.median = quantile(errors, 0.5);
  outcome.p90 = quantile(errors, 0.9);
}

std::vector<ProtocolRow> protocol_rows(const ProtocolFit& fit, const std::vector<Measured>& rows) {
  std::vector<ProtocolRow> result;
  for (const Measured& row : rows) {
    const Option& option = fastest(fit, row);
    const Seconds software = max(row.sample.measured - option.hops, row.sample.measured * 0.01);
    for (int i = 0; i < weight(row); ++i)
      result.push_back(
          {row.sample.op, row.sample.scale_out, option.steps, option.wire, option.chunk, software, row.sample.source});
  }
  return result;
}

// What a value comes from: the rows, how well they are met, and where they were published.
void describe(const std::vector<Measured>& rows, Outcome& outcome) {
  std::set<std::string> sources;
  for (const Measured& row : rows) sources.insert(row.sample.source);
  std::string text = fmt::format("fit of {} rows, median error {:.0f} %, p90 {:.0f} %", rows.size(),
                                 100 * outcome.median, 100 * outcome.p90);
  for (const std::string& source : sources) text += "; " + source;
  outcome.fit.efficiency.source = text;
  for (std::string* other : {&outcome.fit.launch.source, &outcome.fit.alpha.source, &outcome.fit.half_size.source})
    *other = "the same fit as efficiency";
}

// The fit decides which algorithm is the fastest, and that decides the fit: a few turns from `start`, the best kept.
void fit_in_turns(const std::vector<Measured>& rows, const ProtocolFit& start, std::optional<Outcome>& best) {
  ProtocolFit fit = start;
  for (int turn = 0; turn < 4; ++turn) {
    fit = fit_protocol(protocol_rows(fit, rows)).fit;
    fit.in_network_reduction = start.in_network_reduction;
    Outcome outcome{.fit = fit};
    score(rows, outcome);
    if (!best || outcome.loss < best->loss) best = outcome;
  }
}

// The turns may end in several places, by where they start: with many small messages dear or cheap.
Outcome fit_rows(const std::vector<Measured>& rows, bool in_network) {
  std::optional<Outcome> best;
  for (const Seconds alpha : {0.2_us, 2.0_us, 10.0_us})
    for (const Bytes half : {0_B, 256_KiB, 4_MiB}) {
      ProtocolFit start;
      start.alpha.value = alpha;
      start.efficiency.value = 1;
      start.half_size.value = half;
      start.in_network_reduction = in_network;
      fit_in_turns(rows, start, best);
    }
  describe(rows, *best);
  return *best;
}

// In-network reduction is a fact when a row is faster than any algorithm without it could be on the bare fabric.
bool reduces_in_network(const std::vector<Measured>& rows) {
  return std::ranges::any_of(rows, [](const Measured& row) {
    const auto possible = [&](const Option& option) {
      return option.algorithm != "nvls" && option.hops + option.wire <= row.sample.measured;
    };
    const bool has_nvls = std::ranges::any_of(row.options, [](const Option& o) { return o.algorithm == "nvls"; });
    return has_nvls && std::ranges::none_of(row.options, possible);
  });
}

// Four parameters need rows of several sizes.
bool determine_all(const std::vector<Measured>& rows) {
  Seconds least = rows.front().sample.measured, most = least;
  for (const Measured& row : rows) {
    least = min(least, row.sample.measured);
    most = max(most, row.sample.measured);
  }
  return rows.size() >= 3 && most / least >= 8;
}

// Latency and half size from `base`, another operation's fit; only the efficiency from the rows that bandwidth decides.
std::optional<Outcome> fit_rate(const std::vector<Measured>& rows, const ProtocolFit& base) {
  Outcome outcome{.fit = base, .rate_only = true};
  std::vector<double> rates;
  std::set<std::string> sources;
  for (const Measured& row : rows) {
    const Option& option = fastest(base, row);
    const Seconds latency = option.hops + base.launch.value + base.alpha.value * static_cast<double>(option.steps);
    if (option.wire < kBandwidthBound || row.sample.measured <= latency) continue;
    const double ramp = option.chunk / (option.chunk + base.half_size.value);
    rates.push_back(option.wire / (row.sample.measured - latency) / ramp);
    sources.insert(row.sample.source);
  }
  if (rates.empty()) return std::nullopt;
  Sourced<double>& efficiency = outcome.fit.efficiency;
  efficiency.value = std::clamp(quantile(rates, 0.5), 0.02, 1.0);
  efficiency.source = fmt::format("median of {} rows, the other parameters another operation's", rates.size());
  for (const std::string& source : sources) efficiency.source += "; " + source;
  for (std::string* other : {&outcome.fit.launch.source, &outcome.fit.alpha.source, &outcome.fit.half_size.source})
    *other = "the fit of the nearest operation in this file";
  score(rows, outcome);
  return outcome;
}

// Decoding kernels are evidence only where the throughput kernels alone do not settle the fit.
std::vector<Measured> without_decoding(std::vector<Measured> rows) {
  std::vector<Measured> throughput;
  for (const Measured& row : rows)
    if (!row.sample.low_latency) throughput.push_back(row);
  return !throughput.empty() && determine_all(throughput) ? throughput : rows;
}

std::string key_of(const ProtocolSample& sample) {
  return fmt::format("{}.{}", sample.scale_out ? "scale_out" : "scale_up", to_string(sample.op));
}

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
    if (!ours || excluded(row, options)) continue;
    if (auto sample = protocol_sample(system, row)) samples.push_back(std::move(*sample));
  }
  return samples;
}

std::string library_of(const std::vector<CollectiveTraceRow>& rows, const SystemSpec& system) {
  for (const CollectiveTraceRow& row : rows)
    if (row.system == system.name && (row.software == "nccl" || row.software == "hccl")) return row.software;
  const bool ascend = system.kind == FabricKind::kCloudMatrix || system.kind == FabricKind::kMesh;
  return ascend ? "hccl" : "nccl";
}

std::int64_t chips_for(const SystemSpec& system, const std::vector<ProtocolSample>& samples) {
  std::int64_t devices = 1;
  for (const ProtocolSample& sample : samples)
    devices = std::max<std::int64_t>(devices, sample.members.back().index + 1);
  return (devices + system.devices_per_chip - 1) / system.devices_per_chip;
}

std::string source_list(const std::vector<ProtocolSample>& samples) {
  std::set<std::string> sources;
  for (const ProtocolSample& sample : samples) sources.insert(sample.source);
  std::string text;
  for (const std::string& source : sources) text += (text.empty() ? "" : "; ") + source;
  return text;
}

}  // namespace

CalibratedProtocol calibrate_protocol(const SystemSpec& system, const std::vector<CollectiveTraceRow>& rows,
                                      const CalibrationOptions& options) {
  const std::vector<ProtocolSample> samples = samples_of(system, rows, options);
  if (samples.empty()) throw std::runtime_error(fmt::format("no usable collective measured on '{}'", system.name));
  Calibrator calibrator(system, chips_for(system, samples), options.algorithms);
  std::map<std::string, std::vector<Measured>> by_key;
  for (const ProtocolSample& sample : samples) {
    Measured measured = calibrator.measure(sample);
    if (!measured.options.empty()) by_key[key_of(sample)].push_back(std::move(measured));
  }
  for (auto& [key, measured] : by_key) measured = without_decoding(std::move(measured));
  CalibratedProtocol result;
  result.protocol = {library_of(rows, system), system.name, {}, source_list(samples), options.algorithms};
  const auto add = [&](const std::string& key, const Outcome& outcome) {
    result.protocol.fits[key] = outcome.fit;
    result.fits.push_back(
        {key, static_cast<std::int64_t>(by_key[key].size()), outcome.median, outcome.p90, outcome.rate_only});
  };
  for (const auto& [key, measured] : by_key)
    if (determine_all(measured)) add(key, fit_rows(measured, reduces_in_network(measured)));
  for (const auto& [key, measured] : by_key) {
    if (result.protocol.fits.contains(key) || result.protocol.fits.empty()) continue;
    const ProtocolSample& sample = measured.front().sample;
    if (const auto rate = fit_rate(measured, result.protocol.fit(sample.op, sample.scale_out))) add(key, *rate);
  }
  if (result.fits.empty()) throw std::runtime_error(fmt::format("too few collectives measured on '{}'", system.name));
  result.text = emit_protocol(result.protocol);
  return result;
}

}  // namespace supernode
