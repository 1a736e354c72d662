#include <fmt/format.h>
#include <fmt/ranges.h>

#include "calibration/emit_sourced.hpp"
#include "calibration/protocol_fit.hpp"

namespace supernode {
namespace {

std::string microseconds(const Sourced<Seconds>& time) {
  return emit_sourced(fmt::format("{:.4g} us", time.value.value() * 1e6), time);
}

std::string regime_text(const ProtocolRegime& regime) {
  std::string text = "      - launch: " + microseconds(regime.launch);
  text += "        alpha: " + microseconds(regime.alpha);
  if (regime.sync.value.value() > 0) text += "        sync: " + microseconds(regime.sync);
  text += "        efficiency: " + emit_sourced(fmt::format("{:.4g}", regime.efficiency.value), regime.efficiency);
  if (regime.limit.value.value() > 0)
    text +=
        "        limit: " + emit_sourced(fmt::format("{:.4g} KiB", regime.limit.value.value() / 1024), regime.limit);
  if (!regime.algorithms.empty()) text += fmt::format("        algorithms: [{}]\n", fmt::join(regime.algorithms, ", "));
  return text;
}

std::string words_text(std::string_view key, const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back(yaml_quoted(word));
  return words.empty() ? "" : fmt::format("  {}: [{}]\n", key, fmt::join(quoted, ", "));
}

std::string measured_text(const MeasuredRows& rows) {
  if (rows.any()) return "";
  return "measured:\n" + words_text("software", rows.software) + words_text("note", rows.note) +
         words_text("systems", rows.systems);
}

std::string memory_text(const MemoryAccess& access) {
  std::string text = "memory_access:\n";
  text += "  read_latency: " + microseconds(access.read_latency);
  text += "  write_latency: " + microseconds(access.write_latency);
  text += "  device_latency: " + microseconds(access.device_latency);
  const auto share = [&](std::string_view key, const Sourced<double>& value) {
    text += fmt::format("  {}: {}", key, emit_sourced(fmt::format("{:.4g}", value.value), value));
  };
  share("read_device", access.read_device);
  share("write_device", access.write_device);
  share("read_cpu", access.read_cpu);
  share("write_cpu", access.write_cpu);
  return text;
}

}  // namespace

std::string emit_protocol(const CollectiveProtocol& protocol) {
  std::string text = fmt::format("name: {}\nsystem: {}\n", yaml_quoted(protocol.name), yaml_quoted(protocol.system));
  text += measured_text(protocol.measured) + fmt::format("traces: {}\n", yaml_quoted(protocol.traces));
  text += emit_algorithms(protocol.algorithms, "algorithms");
  if (protocol.copy_per_expert) text += "copy_per_expert: true\n";
  if (protocol.memory_access.fitted()) text += memory_text(protocol.memory_access);
  text += "fits:\n";
  for (const auto& [key, fit] : protocol.fits) {
    text += fmt::format("  {}:\n", key);
    if (fit.in_network_reduction) text += "    in_network_reduction: true\n";
    if (fit.token.value.value() > 0) text += "    token: " + microseconds(fit.token);
    text += emit_deviation(fit.deviation);
    text += "    regimes:\n";
    for (const ProtocolRegime& regime : fit.regimes) text += regime_text(regime);
  }
  return text;
}

}  // namespace supernode
