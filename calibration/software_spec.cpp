#include "calibration/software_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace supernode {
namespace {

struct TermText {
  std::string_view key, doc;
};

constexpr std::array<TermText, kSoftwareTerms> kTexts = {{
    {"host_forward", "the host issues one operation of a step program, forward or recomputed"},
    {"host_backward", "the same, backward"},
    {"host_pass", "what a pass of a micro-batch costs the host besides: the schedule, messages to other stages"},
    {"host_step", "the device waits for the host once a step: data, loss and gradient norm read back, logging"},
    {"gemm", "time of matrix products in a step over that of the chip's fit"},
    {"attention", "time of attention in a step over that of the chip's fit"},
    {"vector", "time of memory-bound work in a step over that of the chip's fit"},
    {"scale_up", "time of collectives in a step over that of the protocol, inside a scale-up domain"},
    {"scale_out", "time of collectives in a step over that of the protocol, across scale-out"},
    {"jitter", "standard deviation of a rank's pass time over the mean pass"},
}};

constexpr bool is_time(SoftwareTerm term) { return term <= SoftwareTerm::kHostStep; }
constexpr bool is_factor(SoftwareTerm term) { return !is_time(term) && term != SoftwareTerm::kJitter; }

const TermText& text_of(SoftwareTerm term) { return kTexts[static_cast<std::size_t>(term)]; }

void bind_term(SoftwareTerm term, Sourced<double>& value, SpecReader& reader) {
  const TermText& text = text_of(term);
  if (!is_time(term)) {
    reader.sourced_number({text.key, text.doc}, value, {.min = is_factor(term) ? 0.1 : 0.0, .max = 20});
    return;
  }
  Sourced<Seconds> time{Seconds(value.value), value.source, value.confidence};
  if (reader.sourced({text.key, text.doc}, time, true)) value = {time.value.value(), time.source, time.confidence};
}

using Covariances = std::map<std::pair<SoftwareTerm, SoftwareTerm>, double>;

std::optional<SoftwareTerm> parse_term(std::string_view name) {
  for (int t = 0; t < kSoftwareTerms; ++t)
    if (to_string(SoftwareTerm(t)) == name) return SoftwareTerm(t);
  return {};
}

std::optional<SoftwareTerm> checked_term(const std::string& name, SpecReader& reader) {
  const auto term = parse_term(name);
  if (term) return term;
  std::vector<std::string> names;
  for (const TermText& text : kTexts) names.emplace_back(text.key);
  reader.error(name, fmt::format("unknown term '{}'{}", name, suggestion(name, names)));
  return {};
}

// One triangle is written; the other is the same.
Covariances read_covariances(SpecReader& reader, std::vector<SoftwareTerm>& fitted) {
  Covariances out;
  const auto read_row = [&](SpecReader& rows, const std::string& name) {
    const auto term = checked_term(name, rows);
    if (term) fitted.push_back(*term);
    rows.dictionary({name, "with each term"}, [&](SpecReader& row, const std::string& other_name) {
      const auto other = checked_term(other_name, row);
      double value = 0;
      if (!row.number({other_name, "covariance"}, value) || !term || !other) return;
      out[{*term, *other}] = out[{*other, *term}] = value;
    });
  };
  reader.dictionary({"covariance", "of the logarithms of the fitted terms: term by term, one triangle"}, read_row);
  return out;
}

double find(const Covariances& from, SoftwareTerm a, SoftwareTerm b) {
  const auto found = from.find({a, b});
  return found == from.end() ? 0 : found->second;
}

void check_covariance(const SoftwareSpec& spec, SpecReader& reader) {
  for (std::size_t i = 0; i < spec.fitted.size(); ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      const double limit = std::sqrt(std::max(0.0, spec.covariance[i][i]) * std::max(0.0, spec.covariance[j][j]));
      if (spec.covariance[i][i] > 0 && std::abs(spec.covariance[i][j]) <= limit * 1.001) continue;
      return reader.error("covariance", fmt::format("that of {} with {} is impossible", to_string(spec.fitted[i]),
                                                    to_string(spec.fitted[j])));
    }
}

void bind_covariance(SoftwareSpec& spec, SpecReader& reader) {
  std::vector<SoftwareTerm> fitted;
  const Covariances read = read_covariances(reader, fitted);
  if (!reader.has("covariance")) return;
  spec.fitted = fitted;
  spec.covariance.clear();
  for (SoftwareTerm a : fitted) {
    auto& row = spec.covariance.emplace_back();
    for (SoftwareTerm b : fitted) row.push_back(find(read, a, b));
  }
  check_covariance(spec, reader);
}

}  // namespace

std::string_view to_string(SoftwareTerm term) { return text_of(term).key; }

SoftwareSpec::SoftwareSpec() {
  for (int t = 0; t < kSoftwareTerms; ++t)
    terms[static_cast<std::size_t>(t)].value = is_factor(SoftwareTerm(t)) ? 1 : 0;
}

void bind(SoftwareSpec& spec, SpecReader& reader) {
  reader.text({"name", "of the training software", kRequired}, spec.name);
  reader.text({"description", "what it is, and its release"}, spec.description);
  reader.text({"runs", "the published runs that it was fitted from"}, spec.runs);
  for (int t = 0; t < kSoftwareTerms; ++t) bind_term(SoftwareTerm(t), spec.terms[static_cast<std::size_t>(t)], reader);
  reader.boolean(
      {"synchronous_pipeline", "the host waits for a message of a stage before it issues the pass behind it"},
      spec.synchronous_pipeline);
  reader.number({"unexplained", "standard deviation of ln(simulated / measured) that no term explains"},
                spec.unexplained, {.min = 0, .max = 3});
  bind_covariance(spec, reader);
}

SoftwareSpec software_on_chip(SoftwareSpec software, const ChipSpec& chip) {
  software.at(SoftwareTerm::kGemm).value /= chip.sustained.value;
  software.at(SoftwareTerm::kAttention).value /= chip.sustained.value;
  return software;
}

double straggler_factor(double jitter, double ranks) {
  return ranks > 1 ? 1 + jitter * std::sqrt(2 * std::log(ranks)) : 1;
}

}  // namespace supernode
