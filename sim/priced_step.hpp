#pragma once
// A training step with its kernels and collectives priced, apart from running it: priced once, it can be replayed under
// thousands of sets of software terms.

#include <string>
#include <vector>

#include "sim/cost_family.hpp"
#include "sim/simulate.hpp"
#include "sim/step_engine.hpp"
#include "workloads/step_program.hpp"

namespace supernode {

struct PricedStep {
  TimedProgram program;      // without any software: kernels and collectives alone
  StepOptions options;       // of the chip; no stragglers
  double ranks = 0;          // that wait for one another
  FamilyValues deviation{};  // relative, of each family's costs, weighted by time
  std::vector<CollectiveUse> collectives;
  std::vector<std::string> fault_notes;  // what is broken in the fabric
  // Of one step, as in SimulationResult.
  double tokens = 0;
  Flops model_flops{}, hardware_flops{};
  Seconds compute_bound{};
};

// Throws std::runtime_error where the plan cannot be priced. `workers` child processes at once; changes no result.
PricedStep price_step(const SimulationInput& input, int workers);
// The same for another program of the plan's ranks.
PricedStep price_program(const SimulationInput& input, const StepProgram& program, int workers);

// The step under a software (sim/step_software.hpp puts it onto the program).
StepOptions options_under(const PricedStep& priced, const SoftwareSpec& software);
StepResult replay(const PricedStep& priced, const SoftwareSpec& software, StepEngine engine = StepEngine::kReplay);

}  // namespace supernode
