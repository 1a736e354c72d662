#include "sim/protocol_validation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "calibration/robust_fit.hpp"

namespace supernode {
namespace {

constexpr double kNinety = 1.645;  // standard deviations either side that hold 90 % of a normal distribution
constexpr std::size_t kFolds = 5;
constexpr std::size_t kFewest = 3;  // calls that tell a deviation

// A label a call: the calls of one label are left out together.
using Folds = std::vector<std::string>;

Folds by_size(const MeasuredCalls& calls) {
  std::set<double> sizes;
  for (const MeasuredCall& call : calls) sizes.insert(call.sample.call.bytes.value());
  Folds folds;
  for (const MeasuredCall& call : calls) {
    const auto place = std::distance(sizes.begin(), sizes.find(call.sample.call.bytes.value()));
    folds.push_back(std::to_string(static_cast<std::size_t>(place) % std::min(kFolds, sizes.size())));
  }
  return folds;
}

Folds by_source(const MeasuredCalls& calls) {
  Folds folds;
  for (const MeasuredCall& call : calls) folds.push_back(call.sample.source);
  return folds;
}

Folds by_ranks(const MeasuredCalls& calls) {
  Folds folds;
  for (const MeasuredCall& call : calls) folds.push_back(std::to_string(call.row.ranks));
  return folds;
}

double doublings_beyond(const MeasuredCalls& seen, std::int64_t ranks) {
  const auto [least, most] = std::ranges::minmax(seen, {}, [](const MeasuredCall& c) { return c.row.ranks; });
  const auto n = static_cast<double>(ranks);
  if (ranks > most.row.ranks) return std::log2(n / static_cast<double>(most.row.ranks));
  return ranks < least.row.ranks ? std::log2(static_cast<double>(least.row.ranks) / n) : 0.0;
}

void leave_out(const MeasuredCalls& calls, const Folds& folds, LeftOut what, const Refit& refit,
               std::vector<UnseenCall>& unseen) {
  const std::set<std::string> labels(folds.begin(), folds.end());
  if (labels.size() < 2) return;
  for (const std::string& label : labels) {
    MeasuredCalls seen;
    for (std::size_t i = 0; i < calls.size(); ++i)
      if (folds[i] != label) seen.push_back(calls[i]);
    const auto fit = refit(seen);
    if (!fit) continue;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (folds[i] != label) continue;
      const PredictedTime predicted = predict_parts(*fit, calls[i].row);
      unseen.push_back({.op = calls[i].sample.op,
                        .bytes = calls[i].sample.call.bytes,
                        .left_out = what,
                        .log_error = std::log(predicted.time / calls[i].row.measured),
                        .share = predicted.bandwidth / predicted.time,
                        .doublings = doublings_beyond(seen, calls[i].row.ranks)});
    }
  }
}

double spread(const std::vector<UnseenCall>& of) {
  std::vector<double> errors;
  for (const UnseenCall& u : of) errors.push_back(std::abs(u.log_error));
  return std::max(quantile(errors, 0.9) / kNinety, DeviationRule::kLeast);
}

template <class Wanted>
std::vector<UnseenCall> where(const std::vector<UnseenCall>& unseen, Wanted wanted) {
  std::vector<UnseenCall> some;
  std::ranges::copy_if(unseen, std::back_inserter(some), wanted);
  return some;
}

// What is missing to the error over groups beyond those seen, for one doubling.
double per_doubling(const std::vector<UnseenCall>& unseen, double within) {
  const auto beyond = where(unseen, [](const UnseenCall& u) { return u.doublings > 0; });
  if (beyond.size() < kFewest) return DeviationRule::kPerDoubling;
  std::vector<double> excess;
  for (const UnseenCall& u : beyond)
    excess.push_back(std::sqrt(std::max(0.0, u.log_error * u.log_error - within * within)) / u.doublings);
  return std::max(quantile(excess, 0.9) / kNinety, DeviationRule::kLeast);
}

void describe(ProtocolDeviation& deviation, std::size_t count) {
  const std::string source = count >= kFewest ? fmt::format("{} predictions of rows left out of the fit", count)
                                              : "rows of other fits that were left out of theirs; too few here";
  deviation.latency.source = source;
  deviation.bandwidth.source = deviation.per_doubling.source = "as latency";
  for (auto* value : {&deviation.latency, &deviation.bandwidth, &deviation.per_doubling})
    value->confidence = count >= kFewest ? Confidence::kDerived : Confidence::kAssumed;
}

}  // namespace

std::vector<UnseenCall> unseen_calls(const MeasuredCalls& calls, const Refit& refit) {
  std::vector<UnseenCall> unseen;
  leave_out(calls, by_size(calls), LeftOut::kSizes, refit, unseen);
  leave_out(calls, by_source(calls), LeftOut::kSource, refit, unseen);
  leave_out(calls, by_ranks(calls), LeftOut::kRanks, refit, unseen);
  return unseen;
}

ProtocolDeviation deviation_of(const MeasuredCalls& calls, std::vector<UnseenCall>& unseen) {
  ProtocolDeviation deviation;
  const auto within =
      where(unseen, [](const UnseenCall& u) { return u.left_out != LeftOut::kRanks && u.doublings == 0; });
  const auto latency = where(within, [](const UnseenCall& u) { return u.share < 0.5; });
  const auto bandwidth = where(within, [](const UnseenCall& u) { return u.share >= 0.5; });
  if (within.size() >= kFewest) {
    deviation.latency.value = spread(latency.size() >= kFewest ? latency : within);
    deviation.bandwidth.value = spread(bandwidth.size() >= kFewest ? bandwidth : within);
  }
  deviation.per_doubling.value = per_doubling(unseen, spread(within));
  const auto [least, most] = std::ranges::minmax(calls, {}, [](const MeasuredCall& c) { return c.row.ranks; });
  deviation.least_ranks = least.row.ranks;
  deviation.most_ranks = most.row.ranks;
  describe(deviation, within.size());
  for (UnseenCall& u : unseen)
    u.deviation =
        std::hypot(deviation.relative(u.share, deviation.most_ranks), u.doublings * deviation.per_doubling.value);
  return deviation;
}

}  // namespace supernode
