#include "calibration/protocol_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "calibration/robust_fit.hpp"

namespace supernode {
namespace {

constexpr double kLeastTime = 1e-9, kMostTime = 1e-2, kLeastEfficiency = 0.02;
constexpr double kLeastTokenTime = 1e-12;
constexpr double kSpread = 30;  // of the prior: only breaks ties; one row that is off by a per mille weighs more

// A limit must be worth its degree of freedom.
constexpr double kWorthALimit = 0.9;

bool runs(const ProtocolFit& fit, const ProtocolOption& option) {
  return fit.runs(option.algorithm) && (option.algorithm != "nvls" || fit.in_network_reduction);
}

// Which parameter of the search is which parameter of which regime.
class Layout {
 public:
  Layout(const std::vector<RegimeFamily>& families, bool in_network_reduction, bool token) : token_(token) {
    skeleton_.in_network_reduction = in_network_reduction;
    for (std::size_t f = 0; f < families.size(); ++f)
      for (int i = 0; i < families[f].regimes; ++i) {
        ProtocolRegime regime;
        regime.algorithms = families[f].algorithms;
        regime.efficiency.value = families[f].efficiency;
        skeleton_.regimes.push_back(regime);
        families_.push_back(families[f]);
        place_.push_back({i, i + (f > 0 ? 1 : 0)});
      }
  }
  ProtocolFit& skeleton() { return skeleton_; }
  bool may_be_limited(std::size_t i) const { return place_[i].in_family == 0 && families_[i].regimes > 1; }

  // Later regimes, and those of later families, start slower to launch; the last of a family moves bytes the fastest.
  std::vector<FitParameter> start(Seconds fastest, std::int64_t steps, double launch_share, double spread,
                                  double token) const {
    std::vector<FitParameter> parameters;
    const auto add = [&](const char* name, double value, double lower, double upper) {
      parameters.push_back({name, std::clamp(value, lower * 2, upper * 0.9), lower, upper, kSpread});
    };
    for (std::size_t i = 0; i < skeleton_.regimes.size(); ++i) {
      const double time = fastest.value() * std::pow(spread, place_[i].slower);
      if (families_[i].launch) add("launch", time * launch_share, kLeastTime, kMostTime);
      if (families_[i].alpha)
        add("alpha", time * (1 - launch_share) / static_cast<double>(steps), kLeastTime, kMostTime);
      if (families_[i].sync) add("sync", time / 10, kLeastTime, kMostTime);
      const int after = families_[i].regimes - 1 - place_[i].in_family;
      if (families_[i].efficiency == 0) add("efficiency", 0.9 / std::pow(2, after), kLeastEfficiency, 1);
    }
    if (token_) add("token", token, kLeastTokenTime, kMostTime);
    return parameters;
  }
  ProtocolFit fit(std::span<const double> p) const {
    ProtocolFit fit = skeleton_;
    std::size_t next = 0;
    for (std::size_t i = 0; i < fit.regimes.size(); ++i) {
      ProtocolRegime& regime = fit.regimes[i];
      if (families_[i].launch) regime.launch.value = Seconds(p[next++]);
      if (families_[i].alpha) regime.alpha.value = Seconds(p[next++]);
      if (families_[i].sync) regime.sync.value = Seconds(p[next++]);
      if (families_[i].efficiency == 0) regime.efficiency.value = p[next++];
    }
    if (token_) fit.token.value = Seconds(p[next]);
    return fit;
  }

 private:
  struct Place {
    int in_family = 0, slower = 0;
  };
  ProtocolFit skeleton_;
  bool token_ = false;
  std::vector<RegimeFamily> families_;  // of each regime
  std::vector<Place> place_;
};

// What each row's time is the least of, for regimes whose limits and algorithms are settled.
class Choices {
 public:
  Choices(const ProtocolFit& skeleton, std::span<const ProtocolRow> rows) : rows_(rows) {
    for (const ProtocolRow& row : rows) {
      std::vector<Choice> choices;
      for (const ProtocolOption& option : row.options)
        if (runs(skeleton, option))
          for (const ProtocolRegime* regime : skeleton.regimes_for(option.algorithm, row.block))
            choices.push_back({&option, static_cast<std::size_t>(regime - skeleton.regimes.data())});
      assert(!choices.empty());
      choices_.push_back(std::move(choices));
    }
  }
  Seconds time(const ProtocolFit& fit, std::size_t row) const { return parts(fit, row).time; }
  PredictedTime parts(const ProtocolFit& fit, std::size_t row) const {
    PredictedTime least{Seconds(std::numeric_limits<double>::infinity()), {}};
    const Seconds handling = fit.token.value * rows_[row].tokens;
    for (const auto& [option, index] : choices_[row]) {
      const ProtocolRegime& regime = fit.regimes[index];
      const Seconds moving = max(option->wire / regime.efficiency.value, handling);
      const Seconds time = option->hops + regime.latency(option->steps, rows_[row].ranks) + moving;
      if (time < least.time) least = {time, moving};
    }
    return least;
  }

 private:
  struct Choice {
    const ProtocolOption* option;
    std::size_t regime;
  };
  std::span<const ProtocolRow> rows_;
  std::vector<std::vector<Choice>> choices_;
};

struct Found {
  ProtocolFit fit;
  double loss = std::numeric_limits<double>::infinity();
};

// Of the row with the least time a token, where the time of a token is sought from: no token takes longer there.
double least_per_token(std::span<const ProtocolRow> rows) {
  double least = kMostTime;
  for (const ProtocolRow& row : rows)
    if (row.tokens > 0) least = std::min(least, row.measured.value() / row.tokens);
  return least;
}

Found search(Layout& layout, std::span<const ProtocolRow> rows) {
  const Choices choices(layout.skeleton(), rows);
  std::size_t count = 0;
  for (const ProtocolRow& row : rows) count += static_cast<std::size_t>(row.weight);
  const Residuals residuals = [&](std::span<const double> p, std::span<double> out) {
    const ProtocolFit fit = layout.fit(p);
    std::size_t next = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double error = std::log(choices.time(fit, i) / rows[i].measured);
      for (int k = 0; k < rows[i].weight; ++k) out[next++] = error;
    }
  };
  const ProtocolRow& fastest = *std::ranges::min_element(rows, {}, [](const ProtocolRow& r) { return r.measured; });
  Found best;
  for (const double launch_share : {0.3, 0.7})
    for (const double spread : {3.0, 6.0, 15.0}) {
      const auto start =
          layout.start(fastest.measured, fastest.options.front().steps, launch_share, spread, least_per_token(rows));
      const FitOutcome outcome = robust_fit(start, count, residuals, {.max_iterations = 120, .huber = 0.1});
      if (outcome.loss < best.loss) best = {layout.fit(outcome.parameters), outcome.loss};
    }
  return best;
}

// Block sizes between those of the rows, at the geometric mean of each two neighbours.
std::vector<Bytes> gaps(std::span<const ProtocolRow> rows) {
  std::set<double> blocks;
  for (const ProtocolRow& row : rows) blocks.insert(row.block.value());
  std::vector<Bytes> between;
  double last = 0;
  for (const double block : blocks) {
    if (last > 0 && block > last * 1.2) between.emplace_back(std::sqrt(last * block));
    last = block;
  }
  return between;
}

void limit_where_worth(Layout& layout, std::span<const ProtocolRow> rows, Found& best) {
  for (std::size_t i = 0; i < layout.skeleton().regimes.size(); ++i) {
    if (!layout.may_be_limited(i)) continue;
    Bytes& limit = layout.skeleton().regimes[i].limit.value;
    Bytes kept{};
    Found limited;
    for (const Bytes gap : gaps(rows)) {
      limit = gap;
      const Found found = search(layout, rows);
      if (found.loss < limited.loss) limited = found, kept = gap;
    }
    const bool worth = limited.loss < best.loss * kWorthALimit;
    limit = worth ? kept : Bytes{};
    if (worth) best = limited;
  }
}

void describe(ProtocolFitResult& result, std::span<const ProtocolRow> rows) {
  std::set<std::string> sources;
  for (const ProtocolRow& row : rows)
    if (!row.source.empty()) sources.insert(row.source);
  std::string source = fmt::format("fit of {} rows, median error {:.0f} %, p90 {:.0f} %", rows.size(),
                                   100 * result.median_abs_error, 100 * result.p90_abs_error);
  for (const std::string& s : sources) source += "; " + s;
  result.fit.token.source = "the same fit as efficiency", result.fit.token.confidence = Confidence::kDerived;
  for (ProtocolRegime& regime : result.fit.regimes) {
    const bool first = &regime == &result.fit.regimes.front();
    for (auto* time : {&regime.launch, &regime.alpha, &regime.sync})
      time->source = "the same fit as efficiency", time->confidence = Confidence::kDerived;
    regime.limit.source = "the same fit as efficiency", regime.limit.confidence = Confidence::kDerived;
    regime.efficiency.source = first ? source : "the same fit as that of the first regime";
    regime.efficiency.confidence = Confidence::kDerived;
  }
}

}  // namespace

Seconds predict(const ProtocolFit& fit, const ProtocolRow& row) {
  return Choices(fit, std::span(&row, 1)).time(fit, 0);
}

PredictedTime predict_parts(const ProtocolFit& fit, const ProtocolRow& row) {
  return Choices(fit, std::span(&row, 1)).parts(fit, 0);
}

ProtocolFitResult fit_protocol(std::span<const ProtocolRow> rows, const std::vector<RegimeFamily>& families,
                               bool in_network_reduction, bool token) {
  assert(!rows.empty());
  for ([[maybe_unused]] const ProtocolRow& row : rows) assert(row.measured.value() > 0);
  Layout layout(families, in_network_reduction, token);
  Found best = search(layout, rows);
  limit_where_worth(layout, rows, best);
  ProtocolFitResult result{best.fit, best.loss};
  std::vector<double> errors;
  for (const ProtocolRow& row : rows) errors.push_back(std::abs(predict(best.fit, row) / row.measured - 1));
  result.median_abs_error = quantile(errors, 0.5);
  result.p90_abs_error = quantile(errors, 0.9);
  describe(result, rows);
  return result;
}

}  // namespace supernode
