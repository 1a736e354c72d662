#pragma once
// Flows over links made by hand, and the ways to run them, which must all agree.

#include <string>
#include <vector>

#include "base/child_process.hpp"
#include "base/serialize.hpp"
#include "sim/flow_engine.hpp"
#include "sim/flow_plan.hpp"

namespace supernode::test {

// One flow between two ranks of its own, so that when these are through is when the flow has arrived.
struct LoneFlow {
  Bytes bytes{};
  std::vector<std::int32_t> links;
  Seconds start{}, latency{};
};

inline FlowPlan plan_of(const std::vector<BytesPerSecond>& capacities, const std::vector<LoneFlow>& flows) {
  FlowPlan plan;
  plan.ranks = static_cast<std::int32_t>(2 * flows.size());
  for (const BytesPerSecond capacity : capacities) plan.links.push_back({{}, {}, capacity, {}});
  PlannedRound round;
  for (const LoneFlow& flow : flows) {
    const auto path = static_cast<std::int32_t>(plan.paths.size());
    plan.paths.push_back({static_cast<std::int32_t>(plan.path_links.size()),
                          static_cast<std::int32_t>(flow.links.size()), flow.latency, Plane::kScaleUp});
    plan.path_links.insert(plan.path_links.end(), flow.links.begin(), flow.links.end());
    plan.start.insert(plan.start.end(), 2, flow.start);
    round.flows.push_back({2 * path, 2 * path + 1, path, flow.bytes});
  }
  plan.rounds.push_back(std::move(round));
  return plan;
}

constexpr FlowEngine kWays[] = {FlowEngine::kSimGrid, FlowEngine::kFolded, FlowEngine::kEachFlow};
inline std::string to_string(FlowEngine way) {
  return way == FlowEngine::kSimGrid ? "SimGrid" : way == FlowEngine::kFolded ? "folded" : "each flow";
}

// When each rank is through with all rounds of the plan, every repetition simulated.
inline std::vector<Seconds> run(const FlowPlan& plan, FlowEngine way) {
  return run_flows(plan, {{plan.rounds, true}}, way).finish.front();
}

}  // namespace supernode::test
