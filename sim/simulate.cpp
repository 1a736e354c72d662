#include "sim/simulate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/step_timing.hpp"
#include "workloads/step_program.hpp"

namespace supernode {
namespace {

void note_fallback(const SimulationInput& input, std::vector<std::string>& notes) {
  const Precision wanted = input.plan.compute, used = input.chip.effective(wanted);
  if (wanted != used)
    notes.push_back(fmt::format("{} has no {}: its matrix products run in {}", input.chip.name, to_string(wanted),
                                to_string(used)));
}

template <class T>
void note_assumed(std::string_view what, const Sourced<T>& value, std::vector<std::string>& notes) {
  if (value.confidence == Confidence::kAssumed && !value.source.empty())
    notes.push_back(fmt::format("{}: assumed ({})", what, value.source));
}

std::vector<std::string> assumptions(const SimulationInput& input) {
  std::vector<std::string> notes;
  note_fallback(input, notes);
  if (input.model.moe.experts > 0) notes.push_back("MoE routing is force-balanced: every expert gets the same tokens");
  notes.push_back("ranks of one pipeline stage are symmetric: no stragglers, no faults");
  note_assumed("scale-up hop latency", input.system.scale_up.hop_latency, notes);
  note_assumed("scale-out oversubscription", input.system.scale_out.oversubscription, notes);
  note_assumed("overlap slowdown", input.chip.overlap_slowdown, notes);
  for (const auto& [name, parameter] : input.chip.fit.parameters)
    note_assumed(fmt::format("kernel parameter {}", name), parameter, notes);
  for (const auto& [name, fit] : input.protocol.fits)
    note_assumed(fmt::format("protocol {}", name), fit.efficiency, notes);
  return notes;
}

Seconds compute_bound(const SimulationInput& input, const StepProgram& program) {
  const auto busiest = std::max_element(program.stage_flops.begin(), program.stage_flops.end());
  return *busiest / input.chip.device_peak(input.plan.compute);
}

// Stages × ranks of a stage.
Flops hardware_flops(const PlanSpec& plan, const StepProgram& program) {
  Flops sum{};
  for (const Flops f : program.stage_flops) sum += f;
  return sum * static_cast<double>(plan.tensor_parallel * plan.data_parallel);
}

}  // namespace

MemoryReport estimate_memory(const SimulationInput& input) {
  return estimate_memory(input.model, input.plan, input.chip.device_hbm_capacity());
}

SimulationResult simulate(const SimulationInput& input, const SimulationOptions& options) {
  SimulationResult out;
  out.memory = estimate_memory(input);
  const StepProgram program = build_step_program(input.model, input.plan);
  const Fabric fabric = build_fabric(input.system, input.chips);
  const auto kernels = make_kernel_cost_model(input.chip);
  CollectiveCostModel collectives(fabric, input.protocol);
  StepTiming timing = time_step({program, input.plan, fabric, *kernels, collectives, options.workers});

  StepOptions step;
  step.trace = options.trace;
  step.overlap_slowdown = input.chip.overlap_slowdown.value;
  out.step = run_step_simgrid(timing.program, step);

  out.tokens = static_cast<double>(input.plan.global_batch) * static_cast<double>(input.plan.sequence_length);
  out.model_flops = Flops(model_flops_per_token(input.model, input.plan.sequence_length) * out.tokens);
  out.hardware_flops = hardware_flops(input.plan, program);
  out.compute_bound = compute_bound(input, program);
  out.collectives = std::move(timing.collectives);
  out.assumptions = assumptions(input);
  return out;
}

}  // namespace supernode
