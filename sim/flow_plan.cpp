#include "sim/flow_plan.hpp"

#include <algorithm>

#include "sim/flow_planner.hpp"

namespace supernode {

FlowPlan plan_flows(const Fabric& fabric, const std::vector<DeviceId>& members, const std::vector<Round>& rounds,
                    const FlowOptions& options) {
  FlowPlanner planner(fabric, members, options);
  std::size_t transfers = 0;
  for (const Round& round : rounds) transfers += round.transfers.size();
  planner.expect(transfers);
  for (const Round& round : rounds) planner.add(round);
  return planner.take();
}

Seconds latency_floor(const FlowPlan& plan) {
  std::vector<Seconds> ready = plan.start, next;
  ready.resize(static_cast<std::size_t>(plan.ranks));
  for (const PlannedRound& round : plan.rounds) {
    next = ready;
    for (const PlannedFlow& flow : round.flows) {
      const auto from = static_cast<std::size_t>(flow.from), to = static_cast<std::size_t>(flow.to);
      // The sender does this in each of the equal rounds, so at least `repeat` latencies follow one another.
      const Seconds latency =
          plan.paths[static_cast<std::size_t>(flow.path)].latency * static_cast<double>(round.repeat);
      next[from] = max(next[from], ready[from] + latency);
      next[to] = max(next[to], ready[from] + latency);
    }
    ready.swap(next);
  }
  return ready.empty() ? Seconds{} : *std::ranges::max_element(ready);
}

Seconds bandwidth_floor(const FlowPlan& plan) {
  Seconds floor{};
  for (const PlannedLink& link : plan.links) floor = max(floor, link.bytes / link.capacity);
  return floor;
}

}  // namespace supernode
