#include "scenarios/outcome.hpp"

#include <fmt/format.h>

#include <numeric>

namespace supernode {

namespace {

template <std::size_t N>
Seconds total(const std::array<Seconds, N>& parts) {
  return std::accumulate(parts.begin(), parts.end(), Seconds{});
}

JobSize job_size(const SimulationInput& input) {
  return {input.chips, input.chips * input.chip.dies, input.chips * input.system.devices_per_chip,
          input.system.chips_per_supernode()};
}

TokenRate token_rate(double tokens_per_s, const JobSize& size) {
  const auto per = [&](std::int64_t count) { return tokens_per_s / static_cast<double>(count); };
  return {tokens_per_s, per(size.chips), per(size.dies), per(size.ranks),
          per(size.chips) * static_cast<double>(size.chips_per_supernode)};
}

Utilisation utilisation(const SimulationInput& input, Precision precision, const SimulationResult& result) {
  Utilisation u;
  u.precision = input.chip.effective(precision);
  u.peak_chip = input.chip.device_peak(precision) * static_cast<double>(input.chip.devices_per_chip);
  const Flops possible = u.peak_chip * static_cast<double>(input.chips) * result.step.step_time;
  u.mfu = result.model_flops / possible;
  u.hfu = result.hardware_flops / possible;
  return u;
}

StepBreakdown mean_breakdown(const std::vector<StageTime>& stages) {
  StepBreakdown sum;
  const double share = 1.0 / static_cast<double>(stages.size());
  for (const StageTime& stage : stages) {
    for (int c = 0; c < kComputeClasses; ++c) sum.compute[c] += stage.compute[c] * share;
    for (int c = 0; c < kCommClasses; ++c) {
      sum.exposed[c] += stage.exposed[c] * share;
      sum.hidden[c] += stage.hidden[c] * share;
    }
    sum.slowdown += stage.slowdown * share;
    sum.stragglers += stage.stragglers * share;
    sum.host += stage.host * share;
    sum.bubble += stage.bubble * share;
    sum.idle_end += stage.idle_end * share;
    sum.recompute += stage.recompute * share;
  }
  return sum;
}

std::string memory_overrun(const MemoryReport& memory) {
  return fmt::format("the plan needs {:.1f} GiB of a device's {:.1f} GiB: it is simulated as if the memory were larger",
                     memory.stages.at(static_cast<std::size_t>(memory.peak_stage)).total().value() / (1 << 30),
                     memory.capacity.value() / (1 << 30));
}

}  // namespace

Seconds StepBreakdown::compute_total() const { return total(compute); }
Seconds StepBreakdown::exposed_total() const { return total(exposed); }
Seconds StepBreakdown::hidden_total() const { return total(hidden); }
Seconds StepBreakdown::sum() const {
  return compute_total() + exposed_total() + slowdown + stragglers + host + bubble + idle_end;
}

std::vector<BreakdownPart> parts(const StepBreakdown& breakdown) {
  std::vector<BreakdownPart> list;
  for (int c = 0; c < kComputeClasses; ++c) {
    list.push_back({fmt::format("compute_{}", to_string(static_cast<ComputeClass>(c))), breakdown.compute[c]});
  }
  for (int c = 0; c < kCommClasses; ++c) {
    list.push_back({fmt::format("exposed_{}", to_string(static_cast<CommClass>(c))), breakdown.exposed[c]});
  }
  list.push_back({"overlap_slowdown", breakdown.slowdown});
  list.push_back({"stragglers", breakdown.stragglers});
  list.push_back({"waiting_for_host", breakdown.host});
  list.push_back({"pipeline_bubble", breakdown.bubble});
  list.push_back({"idle_at_end", breakdown.idle_end});
  return list;
}

StepRange interval_90(const Outcome& outcome) {
  const double whole = outcome.rl ? outcome.rl->step_time / outcome.step_time : 1;
  return {whole * outcome.step_low, whole * outcome.step_high};
}

Outcome make_outcome(const Scenario& scenario, MemoryReport memory, const SimulationResult& result) {
  const SimulationInput input = scenario.spec.training();
  Outcome out;
  out.scenario = scenario.spec;
  out.size = job_size(input);
  out.simulated = true;
  out.step_time = result.step.step_time;
  out.step_deviation = result.deviation;
  out.step_low = result.low;
  out.step_high = result.high;
  out.tokens = result.tokens;
  out.tokens_per_s = token_rate(result.tokens / result.step.step_time.value(), out.size);
  out.model_flops = result.model_flops;
  out.hardware_flops = result.hardware_flops;
  out.model_flops_chip = result.model_flops / result.step.step_time / static_cast<double>(input.chips);
  out.bf16 = utilisation(input, Precision::kBf16, result);
  out.compute = utilisation(input, input.plan.compute, result);
  out.breakdown = mean_breakdown(result.step.stages);
  out.memory = std::move(memory);
  out.compute_bound = result.compute_bound;
  out.collectives = result.collectives;
  out.activities = result.step.activities;
  out.assumptions = scenario.assumptions;
  out.assumptions.insert(out.assumptions.end(), result.assumptions.begin(), result.assumptions.end());
  out.trace = result.step.trace;
  out.provenance = make_provenance(scenario);
  return out;
}

namespace {

// Without a simulation: memory and what would make it fit.
Outcome unsimulated(const Scenario& scenario, MemoryReport memory) {
  Outcome out;
  out.scenario = scenario.spec;
  out.size = job_size(scenario.spec.training());
  out.memory = std::move(memory);
  out.assumptions = scenario.assumptions;
  out.provenance = make_provenance(scenario);
  return out;
}

RlInput rl_input(const ScenarioSpec& spec) {
  RlInput in;
  in.training = spec.training();
  in.spec = spec.rl->spec;
  in.reward_model = spec.rl->reward_model;
  in.critic_model = spec.rl->critic_model;
  in.chips = spec.input.chips;
  const std::int64_t apart = spec.rl->spec.placement.rollout_chips;
  in.rollout_chips = apart > 0 ? apart : in.chips;
  in.first_rollout_chip = in.chips - in.rollout_chips;
  return in;
}

void add_projection(Outcome& out) {
  const ScenarioSpec& spec = out.scenario;
  if (!spec.run.any()) return;
  StepRate rate{out.step_time, out.tokens, static_cast<double>(spec.input.plan.global_batch),
                static_cast<double>(spec.input.chips)};
  if (out.rl) rate = {out.rl->step_time, out.rl->tokens, out.rl->samples, rate.chips};
  out.projection = project(spec.run, rate);
}

}  // namespace

Outcome run_scenario(const Scenario& scenario, const RunOptions& options) {
  const SimulationInput training = scenario.spec.training();
  MemoryReport memory = estimate_memory(training);
  if (scenario.spec.rl)
    if (const auto problem = rollout_problem(rl_input(scenario.spec))) {
      memory.fits = false;
      memory.remedies.insert(memory.remedies.begin(), *problem);
      return unsimulated(scenario, std::move(memory));
    }
  if (!memory.fits && !options.ignore_memory) return unsimulated(scenario, std::move(memory));
  const int workers = options.workers.value_or(static_cast<int>(scenario.spec.options.workers));
  const SimulationResult result = simulate(training, {.trace = options.trace, .workers = workers});
  Outcome out = make_outcome(scenario, std::move(memory), result);
  if (!out.memory.fits) out.assumptions.push_back(memory_overrun(out.memory));
  if (scenario.spec.rl) {
    out.rl = simulate_rl(rl_input(scenario.spec), result, workers);
    out.assumptions.insert(out.assumptions.end(), out.rl->notes.begin(), out.rl->notes.end());
  }
  add_projection(out);
  return out;
}

}  // namespace supernode
