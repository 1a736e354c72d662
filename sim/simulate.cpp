#include "sim/simulate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sim/step_timing.hpp"
#include "sim/step_uncertainty.hpp"
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

void note_routing(const SimulationInput& input, std::vector<std::string>& notes) {
  const double imbalance = input.plan.routing.imbalance;
  if (input.model.moe.experts == 0) return;
  notes.push_back(imbalance > 1
                      ? fmt::format("MoE routing: the busiest expert rank gets {} times the mean tokens", imbalance)
                      : "MoE routing is force-balanced: every expert gets the same tokens");
}

// What is broken, and what that means for the step.
void note_faults(const Fabric& fabric, std::vector<std::string>& notes) {
  if (fabric.fault_notes().empty()) {
    notes.push_back("ranks of one pipeline stage are symmetric: no stragglers, no faults");
    return;
  }
  notes.insert(notes.end(), fabric.fault_notes().begin(), fabric.fault_notes().end());
  notes.push_back("faults: each collective takes as long as its slowest group in a stage, kernels as its slowest chip");
}

std::vector<std::string> assumptions(const SimulationInput& input, const Fabric& fabric) {
  std::vector<std::string> notes;
  note_fallback(input, notes);
  note_routing(input, notes);
  note_faults(fabric, notes);
  note_assumed("scale-up hop latency", input.system.scale_up.hop_latency, notes);
  note_assumed("scale-out oversubscription", input.system.scale_out.oversubscription, notes);
  const bool offloads = input.plan.offload.activations > 0 || input.plan.offload.optimizer > 0;
  if (offloads) note_assumed("host link bandwidth", input.system.host_bandwidth, notes);
  note_assumed("overlap slowdown", input.chip.overlap_slowdown, notes);
  for (const auto& [name, parameter] : input.chip.fit.parameters)
    note_assumed(fmt::format("kernel parameter {}", name), parameter, notes);
  for (const auto& [name, fit] : input.protocol.fits)
    for (const ProtocolRegime& regime : fit.regimes)
      note_assumed(fmt::format("protocol {}", name), regime.efficiency, notes);
  return notes;
}

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

// The plan as the chip's software runs it: matrix products in a format that the chip has.
PlanSpec effective_plan(const SimulationInput& input) {
  PlanSpec plan = input.plan;
  plan.compute = input.chip.effective(plan.compute);
  return plan;
}

}  // namespace

MemoryReport estimate_memory(const SimulationInput& input) {
  return estimate_memory(input.model, effective_plan(input), input.chip.device_hbm_capacity());
}

SimulationResult simulate(const SimulationInput& input, const SimulationOptions& options) {
  SimulationResult out;
  const PlanSpec plan = effective_plan(input);
  const StepProgram program = build_step_program(input.model, plan);
  const Fabric fabric = build_fabric(input.system, input.fabric_chips());
  const Placement placement(input.system, input.fabric_chips());
  const auto kernels = make_kernel_cost_model(input.chip);
  CollectiveCostModel collectives(fabric, input.protocol);
  const auto devices = static_cast<double>(input.system.devices_per_chip);
  const BytesPerSecond host = input.system.host_bandwidth.value / devices;
  StepTiming timing = time_step({program, plan, fabric, *kernels, collectives, options.workers, host, placement,
                                 stage_slowdowns(input.system, plan, placement)});

  StepOptions step;
  step.trace = options.trace;
  step.overlap_slowdown = input.chip.overlap_slowdown.value;
  out.step = run_step_simgrid(timing.program, step);
  out.deviation = step_deviation(program, out.step, *kernels);

  out.tokens = static_cast<double>(input.plan.global_batch) * static_cast<double>(input.plan.sequence_length);
  out.model_flops = model_flops(input, program, out.tokens);
  const std::vector<Flops> by_stage = performed(program);
  out.hardware_flops = all_ranks(by_stage, input.plan);
  out.compute_bound = *std::max_element(by_stage.begin(), by_stage.end()) / input.chip.device_peak(input.plan.compute);
  out.collectives = std::move(timing.collectives);
  out.assumptions = assumptions(input, fabric);
  return out;
}

}  // namespace supernode
