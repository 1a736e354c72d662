#include "calibration/memory_fit.hpp"

#include <fmt/format.h>

#include <cassert>
#include <cmath>

#include "calibration/robust_fit.hpp"

namespace supernode {
namespace {

MemoryAccess from_parameters(std::span<const double> p) {
  MemoryAccess access;
  access.read_latency.value = Seconds(p[0]);
  access.write_latency.value = Seconds(p[1]);
  access.device_latency.value = Seconds(p[2]);
  access.read_device.value = p[3];
  access.write_device.value = p[4];
  access.read_cpu.value = p[5];
  access.write_cpu.value = p[6];
  return access;
}

std::vector<FitParameter> start() {
  const auto time = [](const char* name) { return FitParameter{name, 0.3e-6, 1e-9, 1e-4}; };
  const auto share = [](const char* name) { return FitParameter{name, 0.8, 0.02, 1}; };
  return {time("read_latency"),  time("write_latency"), time("device_latency"), share("read_device"),
          share("write_device"), share("read_cpu"),     share("write_cpu")};
}

void describe(MemoryAccess& access, std::span<const MemoryRow> rows) {
  std::vector<double> errors;
  for (const MemoryRow& row : rows) errors.push_back(std::abs(predicted_over_measured(access, row) - 1));
  const std::string& published = rows.front().trace.source;
  const std::string source =
      fmt::format("fit of seven numbers to {} rows, median error {:.1f} %, largest {:.1f} %; {}", rows.size(),
                  100 * quantile(errors, 0.5), 100 * quantile(errors, 1), published.substr(0, published.find(' ')));
  const auto mark = [&](auto& value, const std::string& text) {
    value.source = text;
    value.confidence = Confidence::kDerived;
  };
  mark(access.read_latency, source);
  for (Sourced<Seconds>* time : {&access.write_latency, &access.device_latency}) mark(*time, "the same fit");
  for (Sourced<double>* share : {&access.read_device, &access.write_device, &access.read_cpu, &access.write_cpu})
    mark(*share, "the same fit");
}

}  // namespace

double predicted_over_measured(const MemoryAccess& access, const MemoryRow& row) {
  const MemoryTraceRow& trace = row.trace;
  if (trace.bandwidth) return row.port * access.efficiency(trace.kind, trace.target) / *trace.bandwidth;
  return access.time(trace.kind, trace.target, trace.bytes, row.hops, row.port) / *trace.time;
}

MemoryAccess fit_memory_access(std::span<const MemoryRow> rows) {
  assert(!rows.empty());
  const Residuals residuals = [&](std::span<const double> p, std::span<double> out) {
    const MemoryAccess access = from_parameters(p);
    for (std::size_t i = 0; i < rows.size(); ++i) out[i] = std::log(predicted_over_measured(access, rows[i]));
  };
  MemoryAccess access = from_parameters(robust_fit(start(), rows.size(), residuals).parameters);
  describe(access, rows);
  return access;
}

}  // namespace supernode
