#include "calibration/protocol_deviation.hpp"

#include <fmt/format.h>

#include <cmath>

#include "calibration/emit_sourced.hpp"

namespace supernode {
namespace {

constexpr NumberRange kShare{.min = 0, .max = 4};

double doublings_beyond(const ProtocolDeviation& d, std::int64_t ranks) {
  const auto n = static_cast<double>(ranks);
  if (d.most_ranks > 0 && ranks > d.most_ranks) return std::log2(n / static_cast<double>(d.most_ranks));
  if (d.least_ranks > 0 && ranks < d.least_ranks) return std::log2(static_cast<double>(d.least_ranks) / n);
  return 0;
}

std::string number(const Sourced<double>& value) { return emit_sourced(fmt::format("{:.3g}", value.value), value); }

}  // namespace

// The two parts of a time err independently; so does what the group adds.
double ProtocolDeviation::relative(double share, std::int64_t ranks) const {
  const double far = doublings_beyond(*this, ranks) * per_doubling.value;
  return std::sqrt(std::pow((1 - share) * latency.value, 2) + std::pow(share * bandwidth.value, 2) + far * far);
}

void bind(ProtocolDeviation& deviation, SpecReader& reader) {
  reader.sourced_number({"latency", "relative standard deviation where latency decides", kRequired}, deviation.latency,
                        kShare);
  reader.sourced_number({"bandwidth", "relative standard deviation where bandwidth decides", kRequired},
                        deviation.bandwidth, kShare);
  reader.sourced_number({"per_doubling", "more for each doubling of the ranks beyond those measured"},
                        deviation.per_doubling, kShare);
  reader.integer({"least_ranks", "smallest measured group; 0: not known"}, deviation.least_ranks, {.min = 0});
  reader.integer({"most_ranks", "largest measured group; 0: not known"}, deviation.most_ranks, {.min = 0});
}

std::string emit_deviation(const ProtocolDeviation& deviation) {
  const std::string indent(6, ' ');
  std::string text = "    deviation:\n";
  text += indent + "latency: " + number(deviation.latency);
  text += indent + "bandwidth: " + number(deviation.bandwidth);
  text += indent + "per_doubling: " + number(deviation.per_doubling);
  text +=
      fmt::format("{}least_ranks: {}\n{}most_ranks: {}\n", indent, deviation.least_ranks, indent, deviation.most_ranks);
  return text;
}

}  // namespace supernode
