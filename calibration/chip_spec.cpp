#include "calibration/chip_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <string>
#include <vector>

#include "calibration/kernel_tables.hpp"

namespace supernode {
namespace {

std::vector<std::string> precision_names() {
  std::vector<std::string> names;
  for (Precision p : kAllPrecisions) names.emplace_back(to_string(p));
  return names;
}

void unknown_precision(const SourcePosition& position, const std::string& name, Diagnostics& diagnostics) {
  diagnostics.error(position, fmt::format("unknown precision '{}'{}", name, suggestion(name, precision_names())));
}

// Each precision is a key of its own, so that the schema lists them and a slip gets a suggestion.
void bind_peaks(ChipSpec& spec, SpecReader& reader) {
  reader.object({"peak", "dense matrix rate of the package by format", kRequired}, [&](SpecReader& peaks) {
    for (Precision p : kAllPrecisions) {
      Sourced<FlopsPerSecond> value;
      if (peaks.sourced({to_string(p), "dense rate in this format; absent when the chip lacks it"}, value))
        spec.peak[p] = value;
    }
  });
}

void bind_fallbacks(ChipSpec& spec, SpecReader& reader) {
  reader.object({"fallback", "what the chip's software runs instead of a format it lacks"}, [&](SpecReader& map) {
    for (Precision p : kAllPrecisions) {
      std::string target;
      if (!map.text({to_string(p), "the format that runs instead"}, target)) continue;
      if (const auto parsed = parse_precision(target))
        spec.fallback[p] = *parsed;
      else
        unknown_precision(map.position(to_string(p)), target, map.diagnostics());
    }
  });
}

// What a fitted parameter's name may end in (docs/models/kernels.md). Shares of a rate lie in (0, 1].
const std::vector<std::string> kParameterEnds = {"efficiency",
                                                 "memory",
                                                 "k_ramp",
                                                 "tile_penalty",
                                                 "wave",
                                                 "max_split",
                                                 "serial",
                                                 "deviation",
                                                 "forward",
                                                 "dgrad",
                                                 "wgrad",
                                                 "block",
                                                 "head_half",
                                                 "padding",
                                                 "sequence_ramp",
                                                 "tail",
                                                 "half_bytes",
                                                 "near_deviation",
                                                 "parameter_deviation",
                                                 "launch",
                                                 "head",
                                                 "neighbour_launch",
                                                 "neighbour_passes",
                                                 "neighbour_rate",
                                                 "fa2",
                                                 "triton",
                                                 "grouped",
                                                 "min_m",
                                                 "max_m",
                                                 "min_n",
                                                 "max_n",
                                                 "min_k",
                                                 "max_k",
                                                 "min_seq",
                                                 "max_seq",
                                                 "min_heads",
                                                 "max_heads",
                                                 "min_head_dim",
                                                 "max_head_dim"};

void check_parameter(const std::string& name, double value, SpecReader& entries) {
  const std::string end = name.substr(name.rfind('.') + 1);
  if (std::find(kParameterEnds.begin(), kParameterEnds.end(), end) == kParameterEnds.end())
    return entries.error(name, fmt::format("unknown kernel parameter '{}'{}", name, suggestion(end, kParameterEnds)));
  const bool share = end == "efficiency" || end == "memory";
  if (value < 0 || (share && (value == 0 || value > 1)))
    entries.error(name,
                  fmt::format("{} must be {}, not {}", name, share ? "more than 0 and at most 1" : "0 or more", value));
}

void bind_fit(KernelFit& fit, SpecReader& reader) {
  reader.text({"traces", "what the model was fitted from"}, fit.traces);
  reader.sourced({"launch", "device time of an empty kernel", kRequired}, fit.launch, true);
  reader.dictionary({"parameters", "fitted parameters by name (docs/models/kernels.md)"},
                    [&](SpecReader& entries, const std::string& name) {
                      Sourced<double> value;
                      if (!entries.sourced_number({name, "in SI where it has a unit"}, value)) return;
                      check_parameter(name, value.value, entries);
                      fit.parameters[name] = value;
                    });
  bind_kernel_tables(fit, reader);
}

// The format reached by following `fallback`, if it ends at one that the chip has.
bool resolves(const ChipSpec& spec, Precision precision) {
  for (std::size_t hops = 0; hops <= kAllPrecisions.size(); ++hops) {
    if (spec.peak.contains(precision)) return true;
    const auto next = spec.fallback.find(precision);
    if (next == spec.fallback.end()) return false;
    precision = next->second;
  }
  return false;
}

void check(const ChipSpec& spec, SpecReader& reader) {
  if (reader.documenting() || reader.diagnostics().has_errors()) return;
  if (spec.peak.empty()) return reader.error("peak", "no format has a rate");
  for (Precision p : kAllPrecisions)
    if (!resolves(spec, p))
      reader.error("peak", fmt::format("'{}' has neither a peak nor a fallback that ends at one", to_string(p)));
  if (spec.dies % spec.devices_per_chip != 0)
    reader.error("dies", fmt::format("{} dies cannot be shared by {} devices", spec.dies, spec.devices_per_chip));
  if (spec.cores.value % spec.devices_per_chip != 0)
    reader.error("cores",
                 fmt::format("{} cores cannot be shared by {} devices", spec.cores.value, spec.devices_per_chip));
}

}  // namespace

Precision ChipSpec::effective(Precision precision) const {
  while (!peak.contains(precision)) precision = fallback.at(precision);
  return precision;
}

FlopsPerSecond ChipSpec::device_peak(Precision precision) const {
  return peak.at(effective(precision)).value / static_cast<double>(devices_per_chip);
}

BytesPerSecond ChipSpec::device_hbm_bandwidth() const {
  return hbm_bandwidth.value / static_cast<double>(devices_per_chip);
}

Bytes ChipSpec::device_hbm_capacity() const { return hbm_capacity.value / static_cast<double>(devices_per_chip); }

void bind(ChipSpec& spec, SpecReader& reader) {
  reader.text({"name", "catalogue name", kRequired}, spec.name);
  reader.text({"vendor", "who makes it", kRequired}, spec.vendor);
  reader.integer({"dies", "compute dies in the package"}, spec.dies, {.min = 1, .max = 64});
  reader.integer({"devices_per_chip", "ranks it hosts"}, spec.devices_per_chip, {.min = 1, .max = 64});
  bind_peaks(spec, reader);
  bind_fallbacks(spec, reader);
  reader.sourced({"vector_peak", "rate of the vector units", kRequired}, spec.vector_peak);
  reader.object({"hbm", "device memory of the package", kRequired}, [&](SpecReader& hbm) {
    hbm.sourced({"capacity", "what software can allocate", kRequired}, spec.hbm_capacity);
    hbm.sourced({"bandwidth", "both directions together", kRequired}, spec.hbm_bandwidth);
  });
  reader.sourced({"l2_capacity", "last-level cache of the package", kRequired}, spec.l2_capacity);
  reader.sourced_integer({"cores", "matrix cores of the package (SM, AI cube core)", kRequired}, spec.cores,
                         {.min = 1, .max = 1 << 16});
  reader.sourced({"clock", "of the matrix cores", kRequired}, spec.clock);
  reader.object({"tile", "largest output tile of one core's GEMM", kRequired}, [&](SpecReader& tile) {
    tile.sourced_integer({"m", "rows", kRequired}, spec.tile_m, {.min = 8, .max = 1 << 16});
    tile.sourced_integer({"n", "columns", kRequired}, spec.tile_n, {.min = 8, .max = 1 << 16});
  });
  reader.sourced_number({"overlap_slowdown", "of computation and communication that run at once", kRequired},
                        spec.overlap_slowdown, {.min = 1, .max = 4});
  reader.sourced_number({"sustained", "share of the fitted matrix rates that training keeps up (power, clocks)"},
                        spec.sustained, {.min = 0.2, .max = 1.5});
  reader.object({"fit", "fitted model of its kernels", kRequired}, [&](SpecReader& fit) { bind_fit(spec.fit, fit); });
  check(spec, reader);
}

}  // namespace supernode
