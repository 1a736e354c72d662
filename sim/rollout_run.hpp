#pragma once
// A rollout in time: samples over replicas with continuous batching, event by event. Deterministic; knows no model and
// no chip. Equations: docs/models/rl.md.

#include <cstdint>
#include <functional>
#include <vector>

#include "base/quantity.hpp"

namespace supernode {

struct Sample {
  double prompt = 0;    // tokens
  double response = 0;  // tokens, in the end
  double done = 0;      // of the response, from an earlier rollout
};

// Replicas of one instance decode in step: a step takes as long as its busiest replica's.
struct RolloutInput {
  std::vector<Sample> samples;  // dealt to the replicas in turn, and begun in this order
  std::int64_t replicas = 1;
  std::int64_t max_batch = 1;  // of a replica
  double cache_tokens = 0;     // a replica can hold
  double tokens_per_step = 1;  // of a sequence, speculation included
  double stop_share = 1;       // the rollout ends when so much of the samples is finished
  std::function<Seconds(double sequences, double context)> step;  // decode step of a replica; mean context
  std::function<Seconds(double prompts)> prefill;                 // of so many prompts of the first sample's length
};

struct RolloutResult {
  Seconds time{};                  // until the last sample (or stop_share of them) is finished
  Seconds prefill{};               // of which
  double steps = 0;                // decode steps
  double tokens = 0;               // of responses, generated now
  double finished = 0;             // samples
  double mean_batch = 0;           // sequences on a replica, mean over the time of decoding
  Seconds tail{};                  // time in which less than half of the most sequences at once were decoding
  double preempted = 0;            // sequences thrown out for want of cache, and begun again
  std::vector<Sample> unfinished;  // with what they have done
};

// Asserts that a replica's cache holds the longest sample.
RolloutResult run_rollout(const RolloutInput& input);

}  // namespace supernode
