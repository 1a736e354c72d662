#include "sim/priced_step.hpp"

#include <algorithm>
#include <numeric>

#include "sim/step_software.hpp"
#include "sim/step_timing.hpp"

namespace supernode {
namespace {

// FLOPs one rank of each stage performs, recomputation and the optimizer's matrix products included.
std::vector<Flops> performed(const StepProgram& program) {
  std::vector<Flops> out = program.stage_flops;
  for (std::size_t s = 0; s < out.size(); ++s)
    out[s] += program.stage_recompute_flops[s] + program.stage_optimizer_flops[s];
  return out;
}

Flops all_ranks(const std::vector<Flops>& by_stage, const PlanSpec& plan) {
  const auto ranks_of_a_stage = static_cast<double>(plan.stage_ranks());
  return ranks_of_a_stage * std::accumulate(by_stage.begin(), by_stage.end(), Flops(0));
}

// What the update of the model is worth in FLOPs. With LoRA frozen matrices need no gradient, so 3 times the forward
// pass would credit work that nobody does: there it is what is performed, once.
Flops model_flops(const SimulationInput& input, const StepProgram& program, double tokens) {
  if (input.plan.lora.rank > 0) return all_ranks(program.stage_flops, input.plan);
  return Flops(model_flops_per_token(input.model, input.plan.sequence_length, true, input.plan.document_length) *
               tokens);
}

}  // namespace

PricedStep price_program(const SimulationInput& input, const StepProgram& program, int workers) {
  const PlanSpec plan = effective_plan(input);
  const Fabric fabric = build_fabric(input.system, input.fabric_chips());
  const Placement placement(input.system, input.fabric_chips());
  const auto kernels = make_kernel_cost_model(input.chip);
  CollectiveCostModel collectives(fabric, input.protocol);
  const auto devices = static_cast<double>(input.system.devices_per_chip);
  const BytesPerSecond host = input.system.host_bandwidth.value / devices;
  StepTiming timing = time_step({program, plan, fabric, *kernels, collectives, workers, host, placement,
                                 stage_slowdowns(input.system, plan, placement)});
  PricedStep out;
  out.program = std::move(timing.program);
  out.options.overlap_slowdown = input.chip.overlap_slowdown.value;
  out.ranks = static_cast<double>(plan.ranks());
  out.deviation = timing.deviation;
  out.collectives = std::move(timing.collectives);
  out.fault_notes = fabric.fault_notes();
  out.tokens = static_cast<double>(plan.global_batch) * static_cast<double>(plan.sequence_length);
  out.model_flops = model_flops(input, program, out.tokens);
  const std::vector<Flops> by_stage = performed(program);
  out.hardware_flops = all_ranks(by_stage, plan);
  out.compute_bound = *std::max_element(by_stage.begin(), by_stage.end()) / input.chip.device_peak(input.plan.compute);
  return out;
}

PricedStep price_step(const SimulationInput& input, int workers) {
  return price_program(input, build_step_program(input.model, effective_plan(input)), workers);
}

StepOptions options_under(const PricedStep& priced, const SoftwareSpec& software) {
  StepOptions options = priced.options;
  options.straggler_factor = straggler_factor(software[SoftwareTerm::kJitter], priced.ranks);
  return options;
}

StepResult replay(const PricedStep& priced, const SoftwareSpec& software, StepEngine engine) {
  return run_step(apply_software(priced.program, software), options_under(priced, software), engine);
}

}  // namespace supernode
