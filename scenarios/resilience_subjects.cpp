// What is slowed down by failures: a training step, or one collective.
#include <fmt/format.h>

#include <map>

#include "scenarios/resilience.hpp"
#include "sim/simulate.hpp"

namespace supernode {

namespace {

// Of the collective that loses most; operations are matched by name.
void worst_collective(const std::vector<CollectiveUse>& healthy, const std::vector<CollectiveUse>& now,
                      FaultTrial& trial) {
  std::map<std::string, Seconds> whole;
  for (const CollectiveUse& use : healthy) whole[use.name] = use.cost.time;
  for (const CollectiveUse& use : now) {
    const auto found = whole.find(use.name);
    if (found == whole.end() || found->second.value() <= 0) continue;
    const double slowdown = use.cost.time / found->second;
    if (slowdown <= trial.collective_slowdown) continue;
    trial.collective_slowdown = slowdown;
    trial.collective = use.name;
  }
}

}  // namespace

ResilienceAnswer step_resilience(const ResilienceQuestion& question, const ScenarioSpec& scenario) {
  const SimulationInput input = scenario.training();
  const SimulationResult healthy = simulate(input, {.workers = question.workers, .intervals = false});
  const auto run = [&](std::int64_t failed, std::int64_t seed) {
    SimulationInput broken = input;
    add_failures(broken.system.faults, question.element, failed, seed);
    const SimulationResult result = simulate(broken, {.intervals = false});
    FaultTrial trial;
    trial.slowdown = result.step.step_time / healthy.step.step_time;
    worst_collective(healthy.collectives, result.collectives, trial);
    return trial;
  };
  ResilienceAnswer answer =
      find_resilience(question, element_count(input.system, input.fabric_chips(), question.element), run);
  answer.subject = fmt::format("a step of {}", scenario.name);
  answer.healthy = healthy.step.step_time;
  return answer;
}

ResilienceAnswer collective_resilience(const ResilienceQuestion& question, const CollectiveRequest& request,
                                       const StudySystem& study) {
  const std::int64_t chips = chips_for(request, study.system);
  const StudyOptions quick{.rivals = false, .flow = {}, .links = 0};
  const CollectiveAnswer healthy = CollectiveBench(study, chips).ask(request, quick);
  const auto run = [&](std::int64_t failed, std::int64_t seed) {
    StudySystem broken = study;
    add_failures(broken.system.spec.faults, question.element, failed, seed);
    FaultTrial trial;
    trial.slowdown = CollectiveBench(broken, chips).ask(request, quick).time / healthy.time;
    trial.collective_slowdown = trial.slowdown;
    trial.collective = to_string(request.call.op);
    return trial;
  };
  ResilienceAnswer answer = find_resilience(question, element_count(study.system.spec, chips, question.element), run);
  answer.subject =
      fmt::format("{} over {} ranks of {}", to_string(request.call.op), healthy.ranks, study.system.spec.name);
  answer.healthy = healthy.time;
  return answer;
}

}  // namespace supernode
