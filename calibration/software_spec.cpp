#include "calibration/software_spec.hpp"

#include <cmath>

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
}

double straggler_factor(double jitter, double ranks) {
  return ranks > 1 ? 1 + jitter * std::sqrt(2 * std::log(ranks)) : 1;
}

}  // namespace supernode
