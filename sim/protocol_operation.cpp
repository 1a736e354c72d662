#include "sim/protocol_operation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <set>
#include <string>

#include "calibration/robust_fit.hpp"

namespace supernode {
namespace {

using namespace literals;

// A row whose bare wire time is longer tells of bandwidth, a shorter one of latency.
constexpr Seconds kBandwidthBound = 50_us;

std::vector<ProtocolRow> rows_of(const MeasuredCalls& calls) {
  std::vector<ProtocolRow> rows;
  for (const MeasuredCall& call : calls) rows.push_back(call.row);
  return rows;
}

template <class Value>
double spread(const MeasuredCalls& rows, Value value) {
  double least = value(rows.front()), most = least;
  for (const MeasuredCall& row : rows) {
    least = std::min(least, value(row));
    most = std::max(most, value(row));
  }
  return most / least;
}

// Launch and rate are told apart by rows of several sizes.
bool several_sizes(const MeasuredCalls& rows) {
  return spread(rows, [](const MeasuredCall& m) { return m.sample.call.bytes.value(); }) >= 8;
}

// The time of a message and the rate, by rows of several groups.
bool several_groups(const MeasuredCalls& rows) {
  return spread(rows, [](const MeasuredCall& m) { return static_cast<double>(m.row.ranks); }) >= 8;
}

// The time of a token and the rate, by rows that put tokens of several sizes through the port: of other precisions, or
// with copies on other numbers of ranks.
bool several_token_sizes(const MeasuredCalls& rows) {
  if (std::ranges::any_of(rows, [](const MeasuredCall& m) { return m.row.tokens == 0; })) return false;
  return spread(rows, [](const MeasuredCall& m) { return m.row.options.front().wire.value() / m.row.tokens; }) >= 3;
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

// The regimes of an inference server's all-reduce: its two kernels, and the library's algorithms for large data, to
// which it leaves them.
std::vector<RegimeFamily> with_own_kernels(std::vector<RegimeFamily> library) {
  std::vector<RegimeFamily> families = {{.algorithms = {"one_shot"}, .alpha = false, .sync = true},
                                        {.algorithms = {"direct"}, .alpha = false, .sync = true}};
  families.insert(families.end(), library.begin(), library.end());
  return families;
}

// NVLS has regimes of its own. Of NCCL's all-reduce inside a node the ring is the other algorithm: its tree is a chain
// there (src/graph/trees.cc joins nodes only), with a ring's latency and more bytes.
std::vector<RegimeFamily> families(CollectiveOp op, bool scale_out, const MeasuredCalls& rows,
                                   const LibraryAlgorithms& library, bool in_network) {
  const int regimes = rows.size() >= kRowsForTwo ? 2 : 1;
  const bool kernels = op == CollectiveOp::kAllReduce && lists(library, op, "one_shot");
  const bool chain = op == CollectiveOp::kAllReduce && !scale_out && (kernels || lists(library, op, "tree"));
  std::vector<RegimeFamily> families(1);
  families[0].regimes = regimes;
  families[0].launch = several_sizes(rows);
  if (chain) families[0].algorithms = {"ring"};
  if (in_network) families.push_back({.algorithms = {"nvls"}, .regimes = regimes});
  return kernels ? with_own_kernels(families) : families;
}

OperationFit scored(const ProtocolFit& fit, const MeasuredCalls& rows, bool rate_only) {
  std::vector<double> errors;
  for (const MeasuredCall& m : rows) errors.push_back(std::abs(predict(fit, m.row) / m.row.measured - 1));
  return {fit, quantile(errors, 0.5), quantile(errors, 0.9), rate_only};
}

OperationFit fit_all(const std::vector<ProtocolRow>& rows, const std::vector<RegimeFamily>& families, bool in_network,
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

}  // namespace

bool determine_all(const MeasuredCalls& rows) {
  return rows.size() >= 3 && (several_sizes(rows) || several_groups(rows));
}

OperationFit fit_operation(const MeasuredCalls& calls, const LibraryAlgorithms& library) {
  assert(!calls.empty());
  const ProtocolSample& sample = calls.front().sample;
  const std::vector<ProtocolRow> rows = rows_of(calls);
  const bool in_network = sample.op == CollectiveOp::kAllReduce && !sample.scale_out &&
                          (lists(library, sample.op, "nvls") || std::ranges::any_of(rows, impossible_without_switch));
  return fit_all(rows, families(sample.op, sample.scale_out, calls, library, in_network), in_network,
                 several_token_sizes(calls));
}

// Latencies from `base`, another operation's or another system's fit; only the efficiency from the rows that bandwidth
// decides, all regimes by one factor.
std::optional<OperationFit> fit_rate(const MeasuredCalls& rows, const ProtocolFit& base) {
  std::vector<double> factors;
  std::set<std::string> sources;
  for (const MeasuredCall& m : rows) {
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
OperationFit fit_low_latency(const MeasuredCalls& rows, const ProtocolFit* throughput) {
  std::set<std::int64_t> groups;
  for (const MeasuredCall& m : rows) groups.insert(m.row.ranks);
  RegimeFamily family{.algorithms = {"direct"}, .alpha = false, .sync = groups.size() >= 3};
  if (!several_sizes(rows) && throughput != nullptr) family.efficiency = throughput->regimes.back().efficiency.value;
  return fit_all(rows_of(rows), {family}, false);
}

}  // namespace supernode
