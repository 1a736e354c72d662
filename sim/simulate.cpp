#include "sim/simulate.hpp"

#include <fmt/format.h>

#include "sim/priced_step.hpp"
#include "sim/step_resample.hpp"

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
void note_faults(const std::vector<std::string>& faults, std::vector<std::string>& notes) {
  if (faults.empty()) {
    notes.push_back("ranks of one pipeline stage are symmetric: no faults");
    return;
  }
  notes.insert(notes.end(), faults.begin(), faults.end());
  notes.push_back("faults: each collective takes as long as its slowest group in a stage, kernels as its slowest chip");
}

std::vector<std::string> assumptions(const SimulationInput& input, const std::vector<std::string>& faults) {
  std::vector<std::string> notes;
  note_fallback(input, notes);
  note_routing(input, notes);
  note_faults(faults, notes);
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

}  // namespace

PlanSpec effective_plan(const SimulationInput& input) {
  PlanSpec plan = input.plan;
  plan.compute = input.chip.effective(plan.compute);
  return plan;
}

MemoryReport estimate_memory(const SimulationInput& input) {
  return estimate_memory(input.model, effective_plan(input), input.chip.device_hbm_capacity());
}

SimulationResult simulate(const SimulationInput& input, const SimulationOptions& options) {
  PricedStep priced = price_step(input, options.workers);
  priced.options.trace = options.trace;
  SimulationResult out;
  const SoftwareSpec software = software_on_chip(input.software, input.chip);
  out.step = replay(priced, software, options.engine);
  if (options.intervals) {
    const StepInterval interval = resample(priced, software, out.step);
    out.low = interval.low;
    out.high = interval.high;
    out.deviation = interval.deviation;
  }
  out.tokens = priced.tokens;
  out.model_flops = priced.model_flops;
  out.hardware_flops = priced.hardware_flops;
  out.compute_bound = priced.compute_bound;
  out.assumptions = assumptions(input, priced.fault_notes);
  out.collectives = std::move(priced.collectives);
  return out;
}

}  // namespace supernode
