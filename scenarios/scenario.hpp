#pragma once
// The user's question in full: a system, a model, a plan. Read from YAML by scenarios/scenario_loader.

#include <optional>
#include <set>
#include <string>

#include "base/spec_reader.hpp"
#include "scenarios/projection.hpp"
#include "sim/simulate.hpp"
#include "workloads/rl_spec.hpp"

namespace supernode {

// What somebody measured for this scenario: printed beside the simulated value, never read by a model.
struct PublishedResult {
  Seconds step_time{};  // zero or nothing = not published
  double tokens_per_s_chip = 0;
  FlopsPerSecond model_flops_chip{};  // model FLOP/s per chip
  double mfu = 0;                     // a fraction of the chip's dense bf16 peak
  std::string source;
  bool any() const { return step_time.value() > 0 || tokens_per_s_chip > 0 || model_flops_chip.value() > 0 || mfu > 0; }
};

struct ScenarioOptions {
  std::int64_t workers = 1;  // child processes at once; never changes a result
};

// Reinforcement learning around the training step: samples, scores, placement; `model`s by name are loaded.
struct RlScenario {
  RlSpec spec;
  std::optional<ModelSpec> reward_model, critic_model;
};

struct ScenarioSpec {
  std::string name;
  std::string description;
  SimulationInput input;
  std::optional<RlScenario> rl;  // nothing: the training step alone
  RunSpec run;
  PublishedResult published;
  ScenarioOptions options;

  // The training step: on the chips that rollouts leave, samples packed into its sequences.
  SimulationInput training() const;
};

// Reads a scenario whose references are already resolved, and checks what spans its sections: the plan against the
// model and the number of ranks, the chip against the system. `broken` names sections that could not be resolved
// and were taken out of the tree (already reported): they and what depends on them are passed over, so that one slip
// makes one message.
void bind(ScenarioSpec& scenario, SpecReader& reader, const std::set<std::string>& broken = {});

}  // namespace supernode
