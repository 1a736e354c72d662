#include "base/choice_sampling.hpp"

#include <algorithm>

namespace supernode {
namespace {

using Counts = std::vector<double>;  // chance of 0, 1, … experts

Counts with(const Counts& counts, double chosen) {
  Counts next = counts;
  for (std::size_t i = 0; i < counts.size(); ++i)
    next[i] = counts[i] * (1 - chosen) + (i > 0 ? counts[i - 1] * chosen : 0);
  return next;
}

// Chance that exactly one expert fewer than `topk` is chosen among all but one, for each of them.
std::vector<double> others_chosen(const std::vector<double>& chosen, std::int64_t topk) {
  const auto k = static_cast<std::size_t>(topk);
  Counts none(k, 0);
  none[0] = 1;
  std::vector<Counts> after{none};  // by number of the last experts that count
  for (std::size_t e = chosen.size(); e-- > 1;) after.push_back(with(after.back(), chosen[e]));
  std::vector<double> chances;
  Counts before = none;
  for (std::size_t e = 0; e < chosen.size(); ++e) {
    const Counts& rest = after[chosen.size() - 1 - e];
    double chance = 0;
    for (std::size_t i = 0; i < k; ++i) chance += before[i] * rest[k - 1 - i];
    chances.push_back(chance);
    before = with(before, chosen[e]);
  }
  return chances;
}

}  // namespace

double time_to_draw(const std::vector<Drawable>& all, double total) {
  const auto drawn = [&](double time) {
    double count = 0;
    for (const Drawable& d : all) count += d.counts * chosen_by(time, d.weight);
    return count;
  };
  double high = 1;
  while (drawn(high) < total && high < 1e300) high *= 2;
  double low = high / 2;
  while (drawn(low) > total && low > 1e-300) low /= 2;
  for (int i = 0; i < 80 && low < high; ++i) {
    const double middle = std::sqrt(low) * std::sqrt(high);
    (drawn(middle) < total ? low : high) = middle;
  }
  return high;
}

std::vector<double> choices_of(const std::vector<double>& weights, double topk) {
  std::vector<Drawable> experts;
  for (const double w : weights) experts.push_back({w, 1});
  const double time = time_to_draw(experts, topk);
  std::vector<double> choices;
  for (const double w : weights) choices.push_back(chosen_by(time, w));
  return choices;
}

double chance_of_topk(const std::vector<double>& chosen, const std::vector<double>& counts, std::int64_t topk) {
  std::vector<double> chance(static_cast<std::size_t>(topk) + 1, 0);  // by number of experts so far
  chance[0] = 1;
  for (std::size_t e = 0; e < chosen.size(); ++e) {
    for (std::size_t i = chance.size(); i-- > 1;)
      chance[i] = chance[i] * (1 - chosen[e]) + chance[i - 1] * chosen[e] * counts[e];
    chance[0] *= 1 - chosen[e];
  }
  return chance.back();
}

std::vector<double> independent_choices(const std::vector<double>& choices, std::int64_t topk) {
  constexpr double kMost = 1 - 1e-9;
  std::vector<double> chosen;
  for (const double p : choices) chosen.push_back(std::min(p, kMost));
  for (int i = 0; i < 100; ++i) {
    const std::vector<double> others = others_chosen(chosen, topk);
    const double all = chance_of_topk(chosen, std::vector<double>(chosen.size(), 1), topk);
    double error = 0, odds_before = 0, odds_after = 0;
    std::vector<double> odds;
    for (std::size_t e = 0; e < chosen.size(); ++e) {
      error = std::max(error, std::abs(chosen[e] * others[e] / all - choices[e]));
      odds.push_back(std::min(choices[e], kMost) / ((1 - chosen[e]) * others[e]));
      odds_before += chosen[e] / (1 - chosen[e]), odds_after += odds.back();
    }
    if (error < 1e-8) break;
    for (std::size_t e = 0; e < chosen.size(); ++e) {
      const double scaled = odds[e] * odds_before / odds_after;
      chosen[e] = scaled / (1 + scaled);
    }
  }
  return chosen;
}

}  // namespace supernode
