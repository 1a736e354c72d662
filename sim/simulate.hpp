#pragma once
// One training step of a model under a plan on a system: where step program, cost models and fabric meet.

#include <string>
#include <vector>

#include "calibration/chip_spec.hpp"
#include "calibration/collective_protocol.hpp"
#include "calibration/software_spec.hpp"
#include "sim/step_engine.hpp"
#include "topology/system_spec.hpp"
#include "workloads/memory.hpp"

namespace supernode {

struct SimulationInput {
  SystemSpec system;
  ChipSpec chip;
  CollectiveProtocol protocol;
  SoftwareSpec software;
  ModelSpec model;
  PlanSpec plan;  // checked by check_plan
  std::int64_t chips = 0;
  // Of the whole cluster, where the job shares it with others (rollouts) and faults count over all of it; 0: the job's.
  std::int64_t cluster_chips = 0;

  std::int64_t fabric_chips() const { return cluster_chips > chips ? cluster_chips : chips; }
};

struct SimulationOptions {
  bool trace = false;
  int workers = 1;  // child processes at once; never changes a result
  StepEngine engine = StepEngine::kReplay;
  bool intervals = true;  // else low, high and deviation are left out, which saves many replays
};

// One kind of collective of the step, for the report.
struct CollectiveUse {
  std::string name;  // "moe.dispatch"
  CommClass comm_class = CommClass::kTensor;
  std::int64_t group_size = 0;
  std::int64_t calls = 0;  // per step, rank of the busiest stage
  CollectiveCall call;
  CollectiveCost cost;
};

struct SimulationResult {
  StepResult step;
  Seconds deviation{};      // one standard deviation of the step time (sim/step_resample.hpp)
  Seconds low{}, high{};    // its 90 % interval
  Flops model_flops{};      // of one step, all ranks (model_flops_per_token, causal half; LoRA: performed once)
  Flops hardware_flops{};   // performed, recomputation and matrix products of the optimizer included, all ranks
  double tokens = 0;        // per step
  Seconds compute_bound{};  // hardware FLOPs of the busiest stage over its device's peak: no step is faster
  std::vector<CollectiveUse> collectives;
  std::vector<std::string> assumptions;  // defaults and fallbacks that mattered, in words
};

// The plan as the chip's software runs it: matrix products in a format that the chip has.
PlanSpec effective_plan(const SimulationInput& input);
// Memory only (cheap).
MemoryReport estimate_memory(const SimulationInput& input);
// The whole step; runs whether or not the plan fits (the caller decides). Throws std::runtime_error on failure.
SimulationResult simulate(const SimulationInput& input, const SimulationOptions& options = {});

}  // namespace supernode
