#include "calibration/protocol_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <set>

#include "calibration/emit_sourced.hpp"
#include "calibration/robust_fit.hpp"

namespace supernode {
namespace {

enum Index { kLaunch, kAlpha, kEfficiency, kHalf };

ProtocolFit from_parameters(std::span<const double> p) {
  ProtocolFit fit;
  fit.launch.value = Seconds(p[kLaunch]);
  fit.alpha.value = Seconds(p[kAlpha]);
  fit.efficiency.value = p[kEfficiency];
  fit.half_size.value = Bytes(p[kHalf]);
  return fit;
}

// Starts from the fastest row's latency, split evenly between launch and rounds, and the best bandwidth seen.
std::vector<FitParameter> start(std::span<const ProtocolRow> rows) {
  double fastest = std::numeric_limits<double>::infinity();
  double steps = 1;
  double efficiency = 0.02;
  for (const ProtocolRow& row : rows) {
    assert(row.measured.value() > 0);
    if (row.measured.value() < fastest) {
      fastest = row.measured.value();
      steps = static_cast<double>(std::max<std::int64_t>(row.steps, 1));
    }
    efficiency = std::max(efficiency, row.wire / row.measured);
  }
  constexpr double kSpread = 30;  // only breaks ties: one row that is off by a per mille weighs more
  return {{"launch", std::clamp(fastest / 2, 2e-9, 5e-3), 1e-9, 1e-2, kSpread},
          {"alpha", std::clamp(fastest / 2 / steps, 2e-9, 5e-3), 1e-9, 1e-2, kSpread},
          {"efficiency", std::min(efficiency, 0.95), 0.02, 1, kSpread},
          {"half", 256.0 * 1024, 1, 1073741824.0, 2 * kSpread}};
}

void describe(ProtocolFit& fit, const ProtocolFitResult& result, std::span<const ProtocolRow> rows) {
  std::set<std::string> sources;
  for (const ProtocolRow& row : rows)
    if (!row.source.empty()) sources.insert(row.source);
  std::string source = fmt::format("fit of {} rows, median error {:.1f} %, p90 {:.1f} %", result.rows,
                                   100 * result.median_abs_error, 100 * result.p90_abs_error);
  for (const std::string& s : sources) source += "; " + s;
  const auto mark = [&](auto& value) {
    value.source = source;
    value.confidence = Confidence::kDerived;
  };
  mark(fit.launch), mark(fit.alpha), mark(fit.efficiency), mark(fit.half_size);
}

}  // namespace

Seconds predict(const ProtocolFit& fit, std::int64_t steps, Seconds wire, Bytes chunk) {
  const Seconds latency = fit.launch.value + fit.alpha.value * static_cast<double>(steps);
  if (chunk.value() <= 0) return latency;
  const double efficiency = fit.efficiency.value * (chunk / (chunk + fit.half_size.value));
  return latency + wire / efficiency;
}

ProtocolFitResult fit_protocol(std::span<const ProtocolRow> rows) {
  assert(!rows.empty());
  const Residuals residuals = [&](std::span<const double> p, std::span<double> out) {
    const ProtocolFit fit = from_parameters(p);
    for (std::size_t i = 0; i < rows.size(); ++i)
      out[i] = std::log(predict(fit, rows[i].steps, rows[i].wire, rows[i].chunk) / rows[i].measured);
  };
  const FitOutcome outcome = robust_fit(start(rows), rows.size(), residuals);
  const std::vector<double> errors = relative_errors(outcome.residuals);
  ProtocolFitResult result;
  result.fit = from_parameters(outcome.parameters);
  result.median_abs_error = quantile(errors, 0.5);
  result.p90_abs_error = quantile(errors, 0.9);
  result.rows = static_cast<std::int64_t>(rows.size());
  describe(result.fit, result, rows);
  return result;
}

std::string emit_protocol(const CollectiveProtocol& protocol) {
  std::string text = fmt::format("name: {}\nsystem: {}\ntraces: {}\n", yaml_quoted(protocol.name),
                                 yaml_quoted(protocol.system), yaml_quoted(protocol.traces));
  text += emit_algorithms(protocol.algorithms, "algorithms") + "fits:\n";
  for (const auto& [key, fit] : protocol.fits) {
    text += fmt::format("  {}:\n", key);
    text += "    launch: " + emit_sourced(fmt::format("{:.4g} us", fit.launch.value.value() * 1e6), fit.launch);
    text += "    alpha: " + emit_sourced(fmt::format("{:.4g} us", fit.alpha.value.value() * 1e6), fit.alpha);
    text += "    efficiency: " + emit_sourced(fmt::format("{:.4g}", fit.efficiency.value), fit.efficiency);
    text +=
        "    half_size: " + emit_sourced(fmt::format("{:.6g} KiB", fit.half_size.value.value() / 1024), fit.half_size);
    text += fmt::format("    in_network_reduction: {}\n", fit.in_network_reduction);
  }
  return text;
}

}  // namespace supernode
