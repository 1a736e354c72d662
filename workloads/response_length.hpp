#pragma once
// Lengths of sampled responses: a distribution with a long tail, cut off at a maximum, drawn without randomness.

#include <cstdint>
#include <utility>
#include <vector>

#include "base/spec_reader.hpp"

namespace supernode {

// A lognormal of this mean and spread (the standard deviation of ln length; 0 = all equal), or explicit quantiles.
// Longer responses are cut at `max`, and `mean` is the mean after the cut, as published means are.
struct ResponseLength {
  double mean = 0;
  double max = 0;  // 0 = none
  double sigma = 0.8;
  std::vector<std::pair<double, double>> quantiles =
      {};  // (probability, tokens), rising; linear between, ends included
};

void bind(ResponseLength& length, SpecReader& reader);

// The inverse of the standard normal distribution function, 0 < p < 1; relative error below 1.2e-9. (P. J. Acklam's
// rational approximation.)
double inverse_normal(double p);

// `count` lengths, one from the middle of each of `count` equally likely strata, in an order that spreads them evenly
// over any part of the list. Their mean is `mean` (to 1e-6 of it) when the distribution is a lognormal.
std::vector<double> response_lengths(const ResponseLength& length, std::int64_t count);

}  // namespace supernode
