#pragma once
// Experts that are not all alike: which of them tokens choose, where their copies are, and what reaches each rank.
//
// A token draws its top-k one after another without replacement, with the experts' weights (successive sampling). That
// is the k smallest of independent exponential times with these rates (Efraimidis & Spirakis, 2006), which for many
// experts is to take all below a fixed time t: expert e is chosen with probability 1 - exp(-t·weight), independently of
// the others, and t makes these sum to k (order sampling: Rosén, 1997). Which ranks a token reaches follows from these
// choices given that they are k (conditional Poisson sampling: Hájek, 1964), which for equal weights is the uniform
// choice without replacement. Held to drawn tokens by a test. A histogram gives the probabilities themselves:
// k · tokens / sum of tokens.
//
// A copy of an expert gets its share of the expert's tokens. Which expert is the i-th most popular under Zipf is drawn
// once, with a fixed seed: numbers say nothing of popularity.
//
// Loads that are used elsewhere for measured ones: a density x^-1.01 or x^-1.2 of the experts' loads
// (ai-dynamo/aiconfigurator, sample_power_law and power_law_logits_v3); power_law_histogram makes those.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/collective.hpp"

namespace supernode {

// What is wrong with a routing over so many ranks: "" when it can be computed. One sentence, without place.
std::string routing_error(const TokenRouting& routing, std::int64_t ranks);

// Expected share of the tokens that choose each expert; they sum to topk.
std::vector<double> expert_choices(const TokenRouting& routing);

// Which experts each rank holds a copy of. Ranks hold equally many copies, or one more or less.
std::vector<std::vector<std::int32_t>> place_experts(const TokenRouting& routing, std::int64_t ranks);

// Per token of any rank. A unit is a node, or whatever level an exchange crosses once for all its ranks.
struct ExpertSpread {
  std::vector<double> rank;  // probability that it has at least one of its experts on this rank
  std::vector<double> unit;  // the same of this unit
  std::vector<double> load;  // expected number of its experts on this rank; they sum to topk
  double imbalance() const;  // the most loaded rank over the mean
};

// `unit_of[r]` is the unit of rank r, counted from 0. With a node limit below the number of units a token first draws
// that many units, each with the weight of its experts, then its top-k among the experts there.
ExpertSpread spread_experts(const TokenRouting& routing, std::span<const std::int32_t> unit_of);

// Loads of `experts` experts at the quantiles (i - 1/2)/experts of the density x^-alpha on [1, 0.8·tokens], in an order
// drawn with a fixed seed; no expert is chosen by more than all tokens. aiconfigurator draws them at random.
ExpertHistogram power_law_histogram(std::int64_t experts, std::int64_t topk, double alpha, double tokens);

}  // namespace supernode
