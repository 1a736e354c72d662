#include "sim/flow.hpp"

#include <algorithm>

#include "sim/flow_engine.hpp"
#include "sim/flow_plan.hpp"

namespace supernode {
namespace {

struct Schedule {
  std::vector<FlowSegment> segments;
  std::vector<std::int64_t> times;  // each segment counts
};

// Aggregated, a run of equal rounds is a segment of one of them that counts as often; the rest is as long as can be.
Schedule cut(const std::vector<PlannedRound>& rounds, bool aggregate) {
  if (rounds.empty()) return {};
  if (!aggregate) return {{{rounds, true}}, {1}};
  Schedule schedule;
  bool open = false;
  for (const PlannedRound& round : rounds) {
    if (open && round.repeat == 1) {
      std::span<const PlannedRound>& last = schedule.segments.back().rounds;
      last = {last.data(), last.size() + 1};
      continue;
    }
    schedule.segments.push_back({{&round, 1}, false});
    schedule.times.push_back(round.repeat);
    open = round.repeat == 1;
  }
  return schedule;
}

}  // namespace

FlowResult simulate_flows(const Fabric& fabric, const std::vector<DeviceId>& members, const std::vector<Round>& rounds,
                          const FlowOptions& options) {
  return simulate_plan(fabric, plan_flows(fabric, members, rounds, options), options);
}

FlowResult simulate_plan(const Fabric& fabric, const FlowPlan& plan, const FlowOptions& options) {
  const Schedule schedule = cut(plan.rounds, options.aggregate_rounds);
  const FlowRun run = run_flows(plan, schedule.segments, options.engine);
  FlowResult result;
  result.flows = run.flows;
  result.variables = run.variables;
  for (std::size_t i = 0; i < run.finish.size(); ++i)
    result.time += std::ranges::max(run.finish[i]) * static_cast<double>(schedule.times[i]);
  result.latency = latency_floor(plan);
  report_loads(fabric, plan, result);
  return result;
}

}  // namespace supernode
