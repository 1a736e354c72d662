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

// A measured row, and the same as what the fit sees of it.
struct Measured {
  ProtocolSample sample;
  ProtocolRow row;
};
using MeasuredRows = std::vector<Measured>;

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
  Measured measure(const ProtocolSample& sample) {
    Measured measured{sample, {}};
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

std::vector<ProtocolRow> rows_of(const MeasuredRows& measured) {
  std::vector<ProtocolRow> rows;
  for (const Measured& m : measured) rows.push_back(m.row);
  return rows;
}

template <class Value>
double spread(const MeasuredRows& rows, Value value) {
  double least = value(rows.front()), most = least;
  for (const Measured& row : rows) {
    least = std::min(least, value(row));
    most = std::max(most, value(row));
  }
  return most / least;
}

// Launch and rate are told apart by rows of several sizes.
bool several_sizes(const MeasuredRows& rows) {
  return spread(rows, [](const Measured& m) { return m.sample.call.bytes.value(); }) >= 8;
}

// The time of a message and the rate, by rows of several groups.
bool several_groups(const MeasuredRows& rows) {
  return spread(rows, [](const Measured& m) { return static_cast<double>(m.row.ranks); }) >= 8;
}

bool determine_all(const MeasuredRows& rows) {
  return rows.size() >= 3 && (several_sizes(rows) || several_groups(rows));
}

// The time of a token and the rate, by rows that put tokens of several sizes through the port: of other precisions, or
// with copies on other numbers of ranks.
bool several_token_sizes(const MeasuredRows& rows) {
  if (std::ranges::any_of(rows, [](const Measured& m) { return m.row.tokens == 0; })) return false;
  return spread(rows, [](const Measured& m) { return m.row.options.front().wire.value() / m.row.tokens; }) >= 3;
}

// In-network reduction is a fact when a row is faster than any algorithm without it could be on the bare fabric.
bool impossible_without_switch(const ProtocolRow& row) {
  const auto is_nvls = [](const ProtocolOption& option) { return option.algorithm == "nvls"; };
  return std::ranges::any_of(row.options, is_nvls) &&
         std::ranges::none_of(row.options, [&](const ProtocolOption& option) {
           return !is_nvls(option) && option.hops + option.wire <= row.measured;
         });
}

bool lists(const LibraryAlgorithms& library, CollectiveOp op, const char* algorithm) {
  return library.contains(op) && allows(library, op, algorithm);
}

// Two regimes from so many rows on: six parameters.
constexpr std::size_t kRowsForTwo = 8;

// NVLS has regimes of its own. Of NCCL's all-reduce inside a node the ring is the other algorithm: its tree is a chain
// there (src/graph/trees.cc joins nodes only), with a ring's latency and more bytes.
std::vector<RegimeFamily> families(CollectiveOp op, bool scale_out, const MeasuredRows& rows,
                                   const LibraryAlgorithms& library, bool in_network) {
  const int regimes = rows.size() >= kRowsForTwo ? 2 : 1;
  const bool chain = op == CollectiveOp::kAllReduce && !scale_out && lists(library, op, "tree");
  std::vector<RegimeFamily> families(1);
  families[0].regimes = regimes;
  families[0].launch = several_sizes(rows);
  if (chain) families[0].algorithms = {"ring"};
  if (in_network) families.push_back({.algorithms = {"nvls"}, .regimes = regimes});
  return families;
}

struct Outcome {
  ProtocolFit fit;
  double median = 0, p90 = 0;
  bool rate_only = false;
};

Outcome scored(const ProtocolFit& fit, const MeasuredRows& rows, bool rate_only) {
  std::vector<double> errors;
  for (const Measured& m : rows) errors.push_back(std::abs(predict(fit, m.row) / m.row.measured - 1));
  return {fit, quantile(errors, 0.5), quantile(errors, 0.9), rate_only};
}

Outcome fit_all(const std::vector<ProtocolRow>& rows, const std::vector<RegimeFamily>& families, bool in_network,
                bool token = false) {
  const ProtocolFitResult result = fit_protocol(rows, families, in_network, token);
  return {result.fit, result.median_abs_error, result.p90_abs_error, false};
}

ProtocolFit scaled(ProtocolFit fit, double factor) {
  for (ProtocolRegime& regime : fit.regimes)
    regime.efficiency.value = std::clamp(regime.efficiency.value * factor, 0.02, 1.0);
  return fit;
}

// By how much the efficiencies must change for the row's time, by bisection of a falling function.
double rate_factor(const ProtocolFit& base, const ProtocolRow& row) {
  double low = 0.02, high = 50;
  for (int i = 0; i < 60; ++i) {
    const double middle = std::sqrt(low * high);
    (predict(scaled(base, middle), row) > row.measured ? low : high) = middle;
  }
  return std::sqrt(low * high);
}

// Latencies from `base`, another operation's or another system's fit; only the efficiency from the rows that bandwidth
// decides, all regimes by one factor.
std::optional<Outcome> fit_rate(const MeasuredRows& rows, const ProtocolFit& base) {
  std::vector<double> factors;
  std::set<std::string> sources;
  for (const Measured& m : rows) {
    if (m.row.options.front().wire < kBandwidthBound) continue;
    factors.push_back(rate_factor(base, m.row));
    sources.insert(m.row.source);
  }
  if (factors.empty()) return std::nullopt;
  ProtocolFit fit = scaled(base, quantile(factors, 0.5));
  std::string text = fmt::format("median of {} rows, the other parameters another fit's", factors.size());
  for (const std::string& source : sources) text += "; " + source;
  for (ProtocolRegime& regime : fit.regimes) {
    regime.efficiency.source = text;
    for (std::string* other : {&regime.launch.source, &regime.alpha.source, &regime.sync.source})
      *other = "the fit of the nearest operation in this file, or of the same library on a like system";
  }
  return scored(fit, rows, true);
}

// Kernels made for decoding send directly, and as many messages as there are tokens, whatever the group. Rows of one
// size tell only of latency: bandwidth is the throughput kernels', whose ports they are.
Outcome fit_low_latency(const MeasuredRows& rows, const ProtocolFit* throughput) {
  std::set<std::int64_t> groups;
  for (const Measured& m : rows) groups.insert(m.row.ranks);
  RegimeFamily family{.algorithms = {"direct"}, .alpha = false, .sync = groups.size() >= 3};
  if (!several_sizes(rows) && throughput != nullptr) family.efficiency = throughput->regimes.back().efficiency.value;
  return fit_all(rows_of(rows), {family}, false);
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

std::string source_list(const std::vector<ProtocolSample>& samples) {
  std::set<std::string> sources;
  for (const ProtocolSample& sample : samples) sources.insert(sample.source);
  std::string text;
  for (const std::string& source : sources) text += (text.empty() ? "" : "; ") + source;
  return text;
}

// The fits of one system, in the order in which they lean on one another.
class Fitter {
 public:
  Fitter(std::map<std::string, MeasuredRows> by_key, const CalibrationOptions& options, CalibratedProtocol& result)
      : by_key_(std::move(by_key)), options_(options), result_(result) {}

  void run() {
    for (const auto& [key, rows] : by_key_)
      if (!low_latency(rows) && determine_all(rows)) add(key, fit_own(rows));
    for (const auto& [key, rows] : by_key_)
      if (!low_latency(rows) && !fits().contains(key)) add_rate(key, rows);
    for (const auto& [key, rows] : by_key_)
      if (low_latency(rows)) add(key, fit_low_latency(rows, throughput_of(rows)));
  }

 private:
  static bool low_latency(const MeasuredRows& rows) { return rows.front().sample.low_latency; }
  std::map<std::string, ProtocolFit>& fits() { return result_.protocol.fits; }

  Outcome fit_own(const MeasuredRows& measured) const {
    const ProtocolSample& sample = measured.front().sample;
    const std::vector<ProtocolRow> rows = rows_of(measured);
    const bool in_network =
        sample.op == CollectiveOp::kAllReduce && !sample.scale_out &&
        (lists(options_.algorithms, sample.op, "nvls") || std::ranges::any_of(rows, impossible_without_switch));
    return fit_all(rows, families(sample.op, sample.scale_out, measured, options_.algorithms, in_network), in_network,
                   several_token_sizes(measured));
  }

  void add_rate(const std::string& key, const MeasuredRows& rows) {
    const ProtocolSample& sample = rows.front().sample;
    const CollectiveProtocol* base = options_.like != nullptr ? options_.like : &result_.protocol;
    if (base->fits.empty()) return;
    if (const auto rate = fit_rate(rows, base->fit(sample.op, sample.scale_out))) add(key, *rate);
  }

  const ProtocolFit* throughput_of(const MeasuredRows& rows) {
    const ProtocolSample& sample = rows.front().sample;
    const auto found = fits().find(protocol_key(sample.op, sample.scale_out));
    return found != fits().end() ? &found->second : nullptr;
  }

  void add(const std::string& key, const Outcome& outcome) {
    fits()[key] = outcome.fit;
    result_.fits.push_back(
        {key, static_cast<std::int64_t>(by_key_[key].size()), outcome.median, outcome.p90, outcome.rate_only});
  }

  std::map<std::string, MeasuredRows> by_key_;
  const CalibrationOptions& options_;
  CalibratedProtocol& result_;
};

}  // namespace

CalibratedProtocol calibrate_protocol(const SystemSpec& system, const std::vector<CollectiveTraceRow>& rows,
                                      const CalibrationOptions& options) {
  const std::vector<ProtocolSample> samples = samples_of(system, rows, options);
  if (samples.empty()) throw std::runtime_error(fmt::format("no usable collective measured on '{}'", system.name));
  Calibrator calibrator(system, chips_for(system, samples), options);
  std::map<std::string, MeasuredRows> by_key;
  for (const ProtocolSample& sample : samples) {
    Measured measured = calibrator.measure(sample);
    const std::string key = protocol_key(sample.op, sample.scale_out, sample.low_latency);
    if (!measured.row.options.empty()) by_key[key].push_back(std::move(measured));
  }
  CalibratedProtocol result;
  result.protocol.name = library_of(rows, system);
  result.protocol.system = system.name;
  result.protocol.traces = source_list(samples);
  result.protocol.algorithms = options.algorithms;
  result.protocol.copy_per_expert = options.copy_per_expert;
  Fitter(std::move(by_key), options, result).run();
  if (result.fits.empty()) throw std::runtime_error(fmt::format("too few collectives measured on '{}'", system.name));
  result.text = emit_protocol(result.protocol);
  return result;
}

}  // namespace supernode
