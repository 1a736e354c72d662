#pragma once
// The rollout phase of a step of reinforcement learning: samples on a serving layout over chips and fabric.

#include "sim/inference_cost.hpp"
#include "sim/rl_step.hpp"

namespace supernode {

struct RolloutPhase {
  RolloutReport report;
  Seconds time{};            // of the slowest instance
  Seconds least{};           // were every replica as full as it can be all the time (staleness above 1)
  Seconds longest_sample{};  // the longest response from beginning to end at that batch
};

// Throws std::runtime_error on failure. `fabric`: of all chips.
RolloutPhase simulate_rollout(const RlInput& input, const Fabric& fabric, CollectiveCostModel& collectives);

}  // namespace supernode
