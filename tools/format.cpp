#include "tools/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace supernode {

namespace {

// `value` scaled to the largest of 1000-fold prefixes that keeps it at least 1.
std::string prefixed(double value, const char* unit) {
  constexpr std::array<const char*, 7> kPrefixes = {"", "k", "M", "G", "T", "P", "E"};
  std::size_t i = 0;
  while (std::abs(value) >= 999.95 && i + 1 < kPrefixes.size()) {
    value /= 1000;
    ++i;
  }
  return fmt::format("{} {}{}", significant_text(value), kPrefixes[i], unit);
}

}  // namespace

std::string significant_text(double value) {
  if (value == 0) return "0";
  if (!std::isfinite(value)) return fmt::format("{}", value);
  const int before_point = static_cast<int>(std::floor(std::log10(std::abs(value)))) + 1;
  const int decimals = 4 - before_point;
  if (decimals > 6) return fmt::format("{:.3e}", value);
  return fmt::format("{:.{}f}", value, decimals > 0 ? decimals : 0);
}

std::string time_text(Seconds time) {
  const double s = time.value();
  if (s == 0) return "0 s";
  if (std::abs(s) >= 1) return significant_text(s) + " s";
  if (std::abs(s) >= 1e-3) return significant_text(s * 1e3) + " ms";
  return significant_text(s * 1e6) + " us";
}

std::string gib_text(Bytes bytes) { return fmt::format("{:.1f} GiB", bytes.value() / (1024.0 * 1024.0 * 1024.0)); }

std::string bytes_text(Bytes bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = bytes.value();
  std::size_t i = 0;
  while (std::abs(value) >= 1023.95 && i + 1 < kUnits.size()) {
    value /= 1024;
    ++i;
  }
  return fmt::format("{} {}", significant_text(value), kUnits[i]);
}

std::string flops_rate_text(FlopsPerSecond rate) { return fmt::format("{:.1f} TFLOP/s", rate.value() / 1e12); }

std::string flops_text(Flops flops) { return prefixed(flops.value(), "FLOP"); }

std::string count_text(double count) {
  if (std::abs(count) < 9999.5) return significant_text(count);
  const std::string text = prefixed(count, "");
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

std::string percent_text(double fraction) { return fmt::format("{:.1f} %", fraction * 100); }

std::string ratio_text(double ratio) { return fmt::format("{:.3f}x", ratio); }

std::string words(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

}  // namespace supernode
