#include "calibration/software_yaml.hpp"

#include <fmt/format.h>

#include <cmath>

#include "calibration/emit_sourced.hpp"

namespace supernode {
namespace {

std::string term_value(SoftwareTerm term, double value) {
  if (term > SoftwareTerm::kHostStep) return fmt::format("{:.4g}", value);
  return value < 1e-3 ? fmt::format("{:.4g} us", value * 1e6) : fmt::format("{:.4g} ms", value * 1e3);
}

// Below a hundredth of what is possible it changes nothing.
bool counts(const SoftwareSpec& spec, std::size_t i, std::size_t j) {
  return std::abs(spec.covariance[i][j]) > 0.01 * std::sqrt(spec.covariance[i][i] * spec.covariance[j][j]);
}

std::string covariance_row(const SoftwareSpec& spec, std::size_t i) {
  std::string cells;
  for (std::size_t j = 0; j <= i; ++j)
    if (counts(spec, i, j))
      cells += fmt::format("{}{}: {:.3g}", cells.empty() ? "" : ", ", to_string(spec.fitted[j]), spec.covariance[i][j]);
  return fmt::format("  {}: {{{}}}\n", to_string(spec.fitted[i]), cells);
}

}  // namespace

std::string emit_software(const SoftwareSpec& spec) {
  std::string out = fmt::format("name: {}\ndescription: {}\n", spec.name, yaml_quoted(spec.description));
  if (!spec.runs.empty()) out += fmt::format("runs: {}\n", yaml_quoted(spec.runs));
  for (int t = 0; t < kSoftwareTerms; ++t) {
    const auto term = SoftwareTerm(t);
    const Sourced<double>& value = spec.terms[static_cast<std::size_t>(t)];
    if (value.source.empty() && value.value == SoftwareSpec()[term]) continue;
    out += fmt::format("{}: {}", to_string(term), emit_sourced(term_value(term, value.value), value));
  }
  if (!spec.synchronous_pipeline) out += "synchronous_pipeline: false\n";
  if (spec.unexplained > 0) out += fmt::format("unexplained: {:.3g}\n", spec.unexplained);
  if (!spec.fitted.empty()) out += "covariance:\n";
  for (std::size_t i = 0; i < spec.fitted.size(); ++i) out += covariance_row(spec, i);
  return out;
}

}  // namespace supernode
