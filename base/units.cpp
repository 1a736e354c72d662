#include "base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

#include "base/diagnostics.hpp"

namespace supernode {
namespace {

struct Unit {
  std::string_view name;
  Dimension dimension;
  double si;
};

constexpr Dimension kTime{1, 0, 0}, kFrequency{-1, 0, 0}, kData{0, 1, 0}, kWork{0, 0, 1}, kBandwidth{-1, 1, 0},
    kRate{-1, 0, 1};
constexpr double kKi = 1024.0, kMi = kKi * kKi, kGi = kMi * kKi, kTi = kGi * kKi;

// Per dimension in ascending size; those marked by format_quantity are the decimal byte units (see is_display).
constexpr Unit kUnits[] = {
    {"ns", kTime, 1e-9},
    {"us", kTime, 1e-6},
    {"µs", kTime, 1e-6},
    {"ms", kTime, 1e-3},
    {"s", kTime, 1},
    {"min", kTime, 60},
    {"h", kTime, 3600},
    {"d", kTime, 86400},
    {"Hz", kFrequency, 1},
    {"kHz", kFrequency, 1e3},
    {"MHz", kFrequency, 1e6},
    {"GHz", kFrequency, 1e9},
    {"B", kData, 1},
    {"kB", kData, 1e3},
    {"MB", kData, 1e6},
    {"GB", kData, 1e9},
    {"TB", kData, 1e12},
    {"PB", kData, 1e15},
    {"KiB", kData, kKi},
    {"MiB", kData, kMi},
    {"GiB", kData, kGi},
    {"TiB", kData, kTi},
    {"B/s", kBandwidth, 1},
    {"kB/s", kBandwidth, 1e3},
    {"MB/s", kBandwidth, 1e6},
    {"GB/s", kBandwidth, 1e9},
    {"TB/s", kBandwidth, 1e12},
    {"PB/s", kBandwidth, 1e15},
    {"KiB/s", kBandwidth, kKi},
    {"MiB/s", kBandwidth, kMi},
    {"GiB/s", kBandwidth, kGi},
    {"TiB/s", kBandwidth, kTi},
    {"bps", kBandwidth, 1.0 / 8},
    {"kbps", kBandwidth, 1e3 / 8},
    {"Mbps", kBandwidth, 1e6 / 8},
    {"Gbps", kBandwidth, 1e9 / 8},
    {"Tbps", kBandwidth, 1e12 / 8},
    {"Gb/s", kBandwidth, 1e9 / 8},
    {"Tb/s", kBandwidth, 1e12 / 8},
    {"FLOP", kWork, 1},
    {"GFLOP", kWork, 1e9},
    {"TFLOP", kWork, 1e12},
    {"PFLOP", kWork, 1e15},
    {"EFLOP", kWork, 1e18},
    {"FLOPS", kRate, 1},
    {"GFLOPS", kRate, 1e9},
    {"TFLOPS", kRate, 1e12},
    {"PFLOPS", kRate, 1e15},
    {"EFLOPS", kRate, 1e18},
    {"TOPS", kRate, 1e12},
    {"FLOP/s", kRate, 1},
    {"TFLOP/s", kRate, 1e12},
    {"PFLOP/s", kRate, 1e15},
};

const Unit* find_unit(std::string_view name) {
  const auto found = std::find_if(std::begin(kUnits), std::end(kUnits), [&](const Unit& u) { return u.name == name; });
  return found == std::end(kUnits) ? nullptr : found;
}

std::vector<std::string> units_of(Dimension dimension) {
  std::vector<std::string> names;
  for (const Unit& unit : kUnits)
    if (unit.dimension == dimension) names.emplace_back(unit.name);
  return names;
}

std::string_view example(Dimension dimension) {
  if (dimension == kTime) return "1.2 us";
  if (dimension == kFrequency) return "1.8 GHz";
  if (dimension == kData) return "64 GiB";
  if (dimension == kBandwidth) return "392 GB/s";
  if (dimension == kRate) return "353.9 TFLOPS";
  return "1 TFLOP";
}

ParsedQuantity failure(std::string error) { return {false, 0, std::move(error)}; }

ParsedQuantity unknown_unit(std::string_view unit, Dimension dimension) {
  const auto names = units_of(dimension);
  std::string hint = suggestion(unit, names);
  return failure(fmt::format("unknown unit '{}' of {}{}", unit, dimension_name(dimension), hint));
}

// Far beyond anything physical here, yet safe to compute with.
bool is_plausible(double si, Dimension dimension) {
  if (dimension == kTime) return si >= 1e-15 && si <= 1e7;
  if (dimension == kFrequency) return si >= 1 && si <= 1e15;
  if (dimension == kData) return si >= 1e-3 && si <= 1e24;
  if (dimension == kBandwidth) return si >= 1e3 && si <= 1e18;
  if (dimension == kRate) return si >= 1e6 && si <= 1e24;
  return true;
}

bool is_display(const Unit& unit) {
  return unit.name.find('i') == std::string_view::npos && unit.name.find("bps") == std::string_view::npos &&
         unit.name.find("b/") == std::string_view::npos && unit.name != "µs" && unit.name != "min" &&
         unit.name != "h" && unit.name != "d" && unit.name != "TOPS" &&
         unit.name.find("FLOP/") == std::string_view::npos;
}

}  // namespace

ParsedQuantity parse_quantity(std::string_view text, Dimension dimension, bool allow_zero) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc())
    return failure(
        fmt::format("expected {} such as '{}', not '{}'", dimension_name(dimension), example(dimension), text));
  std::string_view unit_text = text.substr(static_cast<std::size_t>(end - text.data()));
  while (!unit_text.empty() && blank(unit_text.front())) unit_text.remove_prefix(1);
  if (unit_text.empty())
    return failure(
        fmt::format("'{}' has no unit; write {} such as '{}'", text, dimension_name(dimension), example(dimension)));
  const Unit* unit = find_unit(unit_text);
  if (unit == nullptr) return unknown_unit(unit_text, dimension);
  if (unit->dimension != dimension)
    return failure(fmt::format("'{}' is a unit of {}, not of {}; write e.g. '{}'", unit_text,
                               dimension_name(unit->dimension), dimension_name(dimension), example(dimension)));
  const double si = number * unit->si;
  if (std::isfinite(si) && si > 0 && !is_plausible(si, dimension))
    return failure(fmt::format("'{}' is no plausible {}", text, dimension_name(dimension)));
  if (!std::isfinite(si)) return failure(fmt::format("'{}' is not a finite {}", text, dimension_name(dimension)));
  if (si < 0 || (si == 0 && !allow_zero))
    return failure(fmt::format("'{}' must be {}", text, allow_zero ? "zero or more" : "more than zero"));
  return {true, si, {}};
}

std::string dimension_name(Dimension dimension) {
  if (dimension == kTime) return "time";
  if (dimension == kFrequency) return "frequency";
  if (dimension == kData) return "data";
  if (dimension == kWork) return "work";
  if (dimension == kBandwidth) return "bandwidth";
  if (dimension == kRate) return "compute rate";
  return "quantity";
}

std::string format_quantity(double si, Dimension dimension) {
  const Unit* best = nullptr;
  for (const Unit& unit : kUnits) {
    if (unit.dimension != dimension || !is_display(unit)) continue;
    if (best == nullptr || std::abs(si) >= unit.si * (1 - 1e-12)) best = &unit;
  }
  if (best == nullptr) return fmt::format("{:.4g}", si);
  return fmt::format("{:.4g} {}", si / best->si, best->name);
}

}  // namespace supernode
