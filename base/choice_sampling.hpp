#pragma once
// Drawing a fixed number of unequal things without replacement: who is drawn, and what is independent about it.

#include <cmath>
#include <cstdint>
#include <vector>

namespace supernode {

// Something that is drawn with a weight, and what it counts when it is.
struct Drawable {
  double weight = 0, counts = 1;
};

// Chance that it is drawn by a time: times are exponential with the weight as rate.
inline double chosen_by(double time, double weight) { return -std::expm1(-time * weight); }

// The time by which `total` has been drawn on average: bisection on its logarithm. When nothing of weight is left to
// draw, a time by which all is.
double time_to_draw(const std::vector<Drawable>& all, double total);

// Chances that sum to `topk`, by weight (order sampling: Rosén, 1997).
std::vector<double> choices_of(const std::vector<double>& weights, double topk);

// Independent choices that, given that they are `topk`, choose each with its probability in `choices`. (Chen, Dempster
// & Liu, 1994: weighted finite population sampling, the iteration for maximum entropy.)
std::vector<double> independent_choices(const std::vector<double>& choices, std::int64_t topk);

// Chance that exactly `topk` are chosen, independently, and that each of them counts, with its chance in `counts`.
double chance_of_topk(const std::vector<double>& chosen, const std::vector<double>& counts, std::int64_t topk);

}  // namespace supernode
