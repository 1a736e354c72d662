#include "base/expert_load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <random>

#include "base/choice_sampling.hpp"
#include "base/numeric.hpp"

namespace supernode {
namespace {

// A random order that is the same on every machine: Fisher and Yates' shuffle on the raw generator.
std::vector<std::size_t> drawn_order(std::size_t size) {
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937_64 random(1);
  for (std::size_t i = size; i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  return order;
}

double sum(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

// Largest 1, so that times stay within the range of doubles.
std::vector<double> zipf_weights(std::int64_t experts, double exponent) {
  std::vector<double> weights(static_cast<std::size_t>(experts));
  const std::vector<std::size_t> order = drawn_order(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) weights[order[i]] = std::pow(static_cast<double>(i + 1), -exponent);
  return weights;
}

// Of successive sampling; for a histogram those that give its probabilities at time 1.
std::vector<double> draw_weights(const TokenRouting& routing) {
  if (!routing.histogram) return zipf_weights(routing.experts, routing.zipf);
  constexpr double kMost = 1 - 1e-12;  // an expert that every token chooses would have no finite weight
  std::vector<double> weights = routing.histogram->tokens;
  const double all = sum(weights);
  for (double& w : weights) w = -std::log1p(-std::min(kMost, real(routing.topk) * w / all));
  return weights;
}

// Copies of each expert: one, and the next always to the one with the most load a copy.
std::vector<std::int64_t> copies_of(const std::vector<double>& choices, std::int64_t redundant, std::int64_t ranks) {
  std::vector<std::int64_t> copies(choices.size(), 1);
  const auto load = [&](std::size_t e) { return copies[e] < ranks ? choices[e] / real(copies[e]) : -1; };
  for (std::int64_t i = 0; i < redundant; ++i) {
    std::size_t most = 0;
    for (std::size_t e = 1; e < choices.size(); ++e)
      if (load(e) > load(most)) most = e;
    ++copies[most];
  }
  return copies;
}

// Puts copies on ranks with room for equally many.
class Placer {
 public:
  Placer(const TokenRouting& routing, std::int64_t ranks)
      : choices_(expert_choices(routing)), copies_(copies_of(choices_, routing.redundant, ranks)), placed_(ranks) {
    load_.resize(placed_.size());
    for (std::int64_t r = 0; r < ranks; ++r) room_.push_back(share(routing.experts + routing.redundant, ranks, r));
  }

  void put_contiguous() {
    std::size_t rank = 0;
    const auto ranks = std::ssize(placed_), experts = std::ssize(choices_);
    for (std::size_t e = 0; e < choices_.size(); ++e) {
      while (std::ssize(placed_[rank]) == share(experts, ranks, static_cast<std::int64_t>(rank))) ++rank;
      put(e, rank);
    }
  }
  void put_round_robin() {
    for (std::size_t e = 0; e < choices_.size(); ++e) put(e, e % placed_.size());
  }
  // `from`: copies of each expert that are placed already. The most loaded first.
  void put_rest(std::int64_t from) {
    std::vector<std::size_t> rest;
    for (std::size_t e = 0; e < choices_.size(); ++e) rest.insert(rest.end(), copies_[e] - from, e);
    std::ranges::stable_sort(rest, std::ranges::greater{}, [&](std::size_t e) { return load(e); });
    for (const std::size_t e : rest) put(e, lightest(e));
  }
  std::vector<std::vector<std::int32_t>> take() { return std::move(placed_); }

 private:
  static std::int64_t share(std::int64_t all, std::int64_t ranks, std::int64_t rank) {
    return all / ranks + (rank < all % ranks ? 1 : 0);
  }
  double load(std::size_t e) const { return choices_[e] / real(copies_[e]); }
  void put(std::size_t e, std::size_t rank) {
    placed_[rank].push_back(static_cast<std::int32_t>(e));
    load_[rank] += load(e);
  }
  // The rank with the least load among those with room, if possible without a copy of the expert.
  std::size_t lightest(std::size_t e) const {
    std::size_t best = placed_.size();
    bool best_has = true;
    for (std::size_t r = 0; r < placed_.size(); ++r) {
      if (std::ssize(placed_[r]) >= room_[r]) continue;
      const bool has = std::ranges::find(placed_[r], static_cast<std::int32_t>(e)) != placed_[r].end();
      const bool better = best == placed_.size() || has < best_has || (has == best_has && load_[r] < load_[best]);
      if (better) best = r, best_has = has;
    }
    return best;
  }

  std::vector<double> choices_;
  std::vector<std::int64_t> copies_, room_;
  std::vector<std::vector<std::int32_t>> placed_;
  std::vector<double> load_;
};

// Share of an expert's tokens that goes to a rank or unit, by expert.
struct Share {
  std::size_t expert = 0;
  double share = 0;
};

std::vector<std::vector<Share>> shares_of(const std::vector<std::vector<std::int32_t>>& placed, std::size_t experts,
                                          std::span<const std::int32_t> bin_of, std::size_t bins) {
  std::vector<double> copies(experts, 0);
  for (const auto& rank : placed)
    for (const std::int32_t e : rank) ++copies[static_cast<std::size_t>(e)];
  std::vector<std::vector<Share>> shares(bins);
  for (std::size_t r = 0; r < placed.size(); ++r)
    for (const std::int32_t id : placed[r]) {
      const auto e = static_cast<std::size_t>(id);
      auto& bin = shares[static_cast<std::size_t>(bin_of[r])];
      const auto found = std::ranges::find(bin, e, &Share::expert);
      if (found != bin.end()) {
        found->share += 1 / copies[e];
      } else {
        bin.push_back({e, 1 / copies[e]});
      }
    }
  return shares;
}

// What tokens choose in two draws: units, then experts in them.
struct Draw {
  std::vector<double> unit;    // probability that a unit may be used
  std::vector<double> expert;  // that an expert is chosen when its unit may be
};

Draw draw(const TokenRouting& routing, const std::vector<std::vector<Share>>& units) {
  const std::vector<double> weights = draw_weights(routing);
  if (routing.node_limit <= 0 || routing.node_limit >= std::ssize(units))
    return {std::vector<double>(units.size(), 1), choices_of(weights, real(routing.topk))};
  std::vector<double> unit_weights;
  for (const auto& unit : units) {
    unit_weights.push_back(0);
    for (const Share& s : unit) unit_weights.back() += weights[s.expert] * s.share;
  }
  Draw draw{choices_of(unit_weights, real(routing.node_limit)), {}};
  std::vector<Drawable> candidates;
  for (std::size_t u = 0; u < units.size(); ++u)
    for (const Share& s : units[u]) candidates.push_back({weights[s.expert], draw.unit[u] * s.share});
  const double time = time_to_draw(candidates, real(routing.topk));
  for (const double w : weights) draw.expert.push_back(chosen_by(time, w));
  return draw;
}

// Chance that one of the experts chosen is in the bin, each chosen independently.
double hit(const std::vector<Share>& bin, const std::vector<double>& chosen) {
  double missed = 1;
  for (const Share& s : bin) missed *= 1 - chosen[s.expert] * s.share;
  return 1 - missed;
}

// The same chance given that exactly `topk` experts are chosen: that of none, or of copies elsewhere only, is what
// misses.
double hit_of(const std::vector<Share>& bin, const std::vector<double>& chosen, std::int64_t topk) {
  std::vector<double> elsewhere(chosen.size(), 1);
  const double all = chance_of_topk(chosen, elsewhere, topk);
  for (const Share& s : bin) elsewhere[s.expert] = 1 - s.share;
  return 1 - chance_of_topk(chosen, elsewhere, topk) / all;
}

double load(const std::vector<Share>& bin, const std::vector<double>& chosen) {
  double load = 0;
  for (const Share& s : bin) load += chosen[s.expert] * s.share;
  return load;
}

std::string histogram_error(const TokenRouting& routing) {
  const std::vector<double>& tokens = routing.histogram->tokens;
  if (routing.zipf != 0) return "a histogram and Zipf's law exclude each other";
  if (std::ssize(tokens) != routing.experts)
    return fmt::format("the histogram has {} experts, not {}", tokens.size(), routing.experts);
  if (std::ranges::any_of(tokens, [](double t) { return !(t >= 0) || std::isinf(t); }))
    return "a count of the histogram is negative or no number";
  const double all = sum(tokens);
  if (all <= 0) return "the histogram is empty";
  const double most = *std::ranges::max_element(tokens);
  if (real(routing.topk) * most > all * (1 + 1e-9))
    return fmt::format("top-{} cannot give one expert {:.3g} of all choices, more than 1/{}", routing.topk, most / all,
                       routing.topk);
  return "";
}

}  // namespace

std::string routing_error(const TokenRouting& routing, std::int64_t ranks) {
  if (routing.topk < 1 || routing.experts < 0 || routing.node_limit < 0 || routing.redundant < 0)
    return "topk is at least 1, no other count below 0";
  if (!(routing.zipf >= 0) || std::isinf(routing.zipf)) return "Zipf's exponent is a number of at least 0";
  if (routing.experts > 0 && routing.topk > routing.experts)
    return fmt::format("topk ({}) exceeds the number of experts ({})", routing.topk, routing.experts);
  if (routing.skewed() && routing.even) return "even routing takes all experts by turns: they are all alike";
  if (routing.skewed() && routing.experts == 0) return "experts that are not all alike need a number of experts";
  if (routing.redundant > routing.experts * (ranks - 1) && routing.redundant > 0)
    return fmt::format("{} copies more than one of each expert on each of {} ranks", routing.redundant, ranks);
  return routing.histogram ? histogram_error(routing) : "";
}

std::vector<double> expert_choices(const TokenRouting& routing) {
  return choices_of(draw_weights(routing), real(routing.topk));
}

std::vector<std::vector<std::int32_t>> place_experts(const TokenRouting& routing, std::int64_t ranks) {
  Placer placer(routing, ranks);
  if (routing.placement == ExpertPlacement::kContiguous) placer.put_contiguous();
  if (routing.placement == ExpertPlacement::kRoundRobin) placer.put_round_robin();
  placer.put_rest(routing.placement == ExpertPlacement::kBalanced ? 0 : 1);
  return placer.take();
}

double ExpertSpread::imbalance() const { return *std::ranges::max_element(load) * real(std::ssize(load)) / sum(load); }

ExpertSpread spread_experts(const TokenRouting& routing, std::span<const std::int32_t> unit_of) {
  assert(routing_error(routing, std::ssize(unit_of)).empty());
  const auto placed = place_experts(routing, std::ssize(unit_of));
  const auto experts = static_cast<std::size_t>(routing.experts);
  std::vector<std::int32_t> each(unit_of.size());
  std::iota(each.begin(), each.end(), 0);
  const auto unit_count = static_cast<std::size_t>(*std::ranges::max_element(unit_of) + 1);
  const auto units = shares_of(placed, experts, unit_of, unit_count);
  const auto ranks = shares_of(placed, experts, each, each.size());
  const Draw drawn = draw(routing, units);
  ExpertSpread spread;
  // A limit leaves open how many experts a unit has of a token; without one they are top-k in all.
  const bool limited = routing.node_limit > 0 && routing.node_limit < std::ssize(units);
  const std::vector<double> chosen = limited ? drawn.expert : independent_choices(drawn.expert, routing.topk);
  const auto hit_by = [&](const std::vector<Share>& bin) {
    return limited ? hit(bin, chosen) : hit_of(bin, chosen, routing.topk);
  };
  for (std::size_t u = 0; u < units.size(); ++u) spread.unit.push_back(drawn.unit[u] * hit_by(units[u]));
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    const double unit = drawn.unit[static_cast<std::size_t>(unit_of[r])];
    spread.rank.push_back(unit * hit_by(ranks[r]));
    spread.load.push_back(unit * load(ranks[r], drawn.expert));
  }
  return spread;
}

ExpertHistogram power_law_histogram(std::int64_t experts, std::int64_t topk, double alpha, double tokens) {
  const double most = std::max(1.0, 0.8 * tokens), power = 1 - alpha;
  std::vector<double> loads(static_cast<std::size_t>(experts));
  const std::vector<std::size_t> order = drawn_order(loads.size());
  for (std::size_t i = 0; i < loads.size(); ++i) {
    const double quantile = (static_cast<double>(i) + 0.5) / real(experts);
    loads[order[i]] = std::abs(power) < 1e-9 ? std::pow(most, quantile)
                                             : std::pow(1 + (std::pow(most, power) - 1) * quantile, 1 / power);
  }
  // Experts that would be chosen by more than all tokens are chosen by all; the others share what is left.
  double scale = 0;
  while (scale != 1) {
    double free = 0, fixed = 0;
    for (const double l : loads) (l >= tokens ? fixed : free) += std::min(l, tokens);
    scale = free > 0 ? (real(topk) * tokens - fixed) / free : 1;
    if (std::abs(scale - 1) < 1e-12) scale = 1;
    for (double& l : loads) l = l >= tokens ? tokens : std::min(tokens, l * scale);
  }
  return {loads};
}

}  // namespace supernode
