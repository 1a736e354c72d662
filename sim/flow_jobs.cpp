#include "sim/flow_jobs.hpp"

#include <algorithm>

#include "sim/flow_engine.hpp"
#include "sim/flow_planner.hpp"

namespace supernode {
namespace {

// All jobs as one plan: ranks of different jobs share no round, so they meet on links only.
FlowPlan plan_jobs(const Fabric& fabric, const std::vector<FlowJob>& jobs, const FlowOptions& options) {
  std::vector<DeviceId> members;
  std::vector<Seconds> start;
  for (const FlowJob& job : jobs) {
    members.insert(members.end(), job.members.begin(), job.members.end());
    start.resize(members.size(), job.start);
  }
  FlowPlanner planner(fabric, members, options);
  std::int32_t first = 0;
  for (const FlowJob& job : jobs) {
    for (const Round& round : job.rounds) planner.add(round, first);
    first += static_cast<std::int32_t>(job.members.size());
  }
  FlowPlan plan = planner.take();
  plan.start = std::move(start);
  return plan;
}

}  // namespace

ConcurrentResult simulate_concurrent(const Fabric& fabric, const std::vector<FlowJob>& jobs,
                                     const FlowOptions& options) {
  const FlowPlan plan = plan_jobs(fabric, jobs, options);
  const FlowRun run = run_flows(plan, {{plan.rounds, true}}, options.engine);
  ConcurrentResult result;
  std::size_t rank = 0;
  for (const FlowJob& job : jobs) {
    Seconds finish = job.start;
    for (std::size_t i = 0; i < job.members.size(); ++i) finish = max(finish, run.finish.front()[rank++]);
    result.finish.push_back(finish);
    result.all.time = max(result.all.time, finish);
  }
  result.all.flows = run.flows;
  result.all.variables = run.variables;
  result.all.latency = latency_floor(plan);
  report_loads(fabric, plan, result.all);
  return result;
}

}  // namespace supernode
