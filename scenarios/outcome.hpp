#pragma once
// What a scenario's run says, in the user's terms: rates, utilisations, where the time goes, memory, provenance.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/provenance.hpp"
#include "scenarios/scenario.hpp"
#include "sim/rl_step.hpp"

namespace supernode {

// How many of each thing the job runs on. A supernode count need not be whole: 8192 GPUs fill 1024 nodes of eight.
struct JobSize {
  std::int64_t chips = 0, dies = 0, ranks = 0;
  std::int64_t chips_per_supernode = 0;
  double supernodes() const { return static_cast<double>(chips) / static_cast<double>(chips_per_supernode); }
};

// Tokens per second.
struct TokenRate {
  double total = 0, per_chip = 0, per_die = 0, per_rank = 0;
  double per_supernode = 0;  // per_chip × chips of a whole supernode
};

// FLOPs done over what the chips could do at the dense peak of one precision.
struct Utilisation {
  Precision precision = Precision::kBf16;  // whose peak it refers to, the chip's fallback applied
  FlopsPerSecond peak_chip{};
  double mfu = 0;  // model FLOPs
  double hfu = 0;  // FLOPs performed, recomputation included
};

// Mean over ranks (= mean over stages). Everything but `recompute` and `hidden` sums to the step time.
struct StepBreakdown {
  std::array<Seconds, kComputeClasses> compute{};
  std::array<Seconds, kCommClasses> exposed{};
  Seconds slowdown{}, stragglers{}, host{}, bubble{}, idle_end{};
  Seconds recompute{};                         // part of `compute`
  std::array<Seconds, kCommClasses> hidden{};  // under computation
  Seconds compute_total() const;
  Seconds exposed_total() const;
  Seconds hidden_total() const;
  Seconds sum() const;  // the step time
};

// One part of the breakdown by name; the names are JSON keys less their unit.
struct BreakdownPart {
  std::string name;
  Seconds time{};
};
// Parts that sum to the step time, zero ones included, always in one order.
std::vector<BreakdownPart> parts(const StepBreakdown& breakdown);

struct Outcome {
  ScenarioSpec scenario;
  JobSize size;  // of the training step: chips that only sample are not in it
  MemoryReport memory;
  // The rest is there only when the step was simulated (not when the plan does not fit).
  bool simulated = false;
  Seconds step_time{};
  Seconds step_deviation{};         // one standard deviation
  Seconds step_low{}, step_high{};  // the 90 % interval of the step time
  double tokens = 0;                // of one step
  TokenRate tokens_per_s;
  Flops model_flops{}, hardware_flops{};
  FlopsPerSecond model_flops_chip{};  // achieved, per chip
  Utilisation bf16;                   // against the dense bf16 peak
  Utilisation compute;                // against the peak of the plan's own precision
  StepBreakdown breakdown;
  Seconds compute_bound{};
  std::vector<CollectiveUse> collectives;
  std::int64_t activities = 0;
  std::optional<RlResult> rl;            // the whole step of reinforcement learning; all above is its update
  std::optional<Projection> projection;  // the whole run
  std::vector<std::string> assumptions;
  std::vector<TraceSlice> trace;
  Provenance provenance;
};

// The 90 % interval of the whole step; of reinforcement learning in proportion to its update's.
struct StepRange {
  Seconds low{}, high{};
};
StepRange interval_90(const Outcome& outcome);

struct RunOptions {
  bool trace = false;
  std::optional<int> workers = std::nullopt;  // over the scenario's own
  bool ignore_memory = false;                 // simulate a plan that does not fit, as if the memory were larger
};

// Estimates memory and, when the plan fits, simulates the step. Throws std::runtime_error when the simulation fails.
Outcome run_scenario(const Scenario& scenario, const RunOptions& options = {});

// The outcome of a simulation of the training step, for tests.
Outcome make_outcome(const Scenario& scenario, MemoryReport memory, const SimulationResult& result);

}  // namespace supernode
