#pragma once
// One step of reinforcement learning: rollout, scoring passes, update, and moving the weights between the layouts.
// Equations: docs/models/rl.md.

#include <optional>
#include <string>
#include <vector>

#include "sim/rollout_run.hpp"
#include "sim/simulate.hpp"
#include "workloads/rl_spec.hpp"

namespace supernode {

struct RlInput {
  SimulationInput training;               // on the training chips only
  RlSpec spec;                            // checked
  std::optional<ModelSpec> reward_model;  // of RewardKind::kModel
  std::optional<ModelSpec> critic_model;  // of PPO; nothing = the policy's
  std::int64_t rollout_chips = 0;         // all chips when colocated
  std::int64_t first_rollout_chip = 0;    // behind the training chips when disaggregated
  std::int64_t chips = 0;                 // in all
};

struct RlPhase {
  std::string name;  // a JSON key less its unit: "rollout", "reference", …
  Seconds time{};
  double tokens = 0;  // that it works on
  bool on_rollout_chips = false;
};

struct RolloutReport {
  double samples = 0, finished = 0;
  double steps = 0;            // decode steps of the slowest instance
  double mean_batch = 0;       // sequences of a replica
  double capacity_tokens = 0;  // of a replica's cache
  double preempted = 0;
  Seconds prefill{}, tail{};
  Seconds first_step{};  // a decode step with all sequences begun
  Bytes weights{};       // of one rank
};

struct RlResult {
  std::vector<RlPhase> phases;  // in the order they run; those of one chip set add up to its time
  Seconds rollout_time{};       // of the rollout chips: their phases
  Seconds training_time{};      // of the training chips: their phases
  Seconds step_time{};
  double samples = 0;         // trained on
  double tokens = 0;          // prompts and responses trained on
  double training_steps = 0;  // optimizer steps of the plan
  RolloutReport rollout;
  std::vector<std::string> notes;
};

// Why the rollout cannot run on these chips (its weights or its longest sample do not fit), or nothing.
std::optional<std::string> rollout_problem(const RlInput& input);

// `update` is the simulated training step of the plan. Throws std::runtime_error on failure.
RlResult simulate_rl(const RlInput& input, const SimulationResult& update, int workers);

// Time of a step whose pipelines take so long: their sum when synchronous, else the longer one. `least_rollout` is how
// long the rollout takes when it need not wait for its slowest samples, `longest_sample` the time of the slowest.
Seconds combined_step(const PlacementSpec& placement, Seconds rollout, Seconds training, Seconds least_rollout,
                      Seconds longest_sample);

}  // namespace supernode
