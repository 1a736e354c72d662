#include "sim/flow.hpp"

#include <algorithm>

#include "base/child_process.hpp"
#include "base/serialize.hpp"
#include "sim/flow_engine.hpp"
#include "sim/flow_plan.hpp"

namespace supernode {
namespace {

// Rounds with more flows at once are folded. SimGrid needs 1.0 s for 16,256 simultaneous flows of a 128-rank all-to-all
// and minutes for 384 ranks, but a ring's n flows, or a pairwise exchange of n flows a round, are cheap at any n.
constexpr std::size_t kMostSimulated = 4096;

std::vector<PlannedRound> expand(const std::vector<PlannedRound>& rounds, bool aggregate) {
  std::vector<PlannedRound> expanded;
  for (const PlannedRound& round : rounds)
    for (std::int64_t i = 0; i < (aggregate ? 1 : round.repeat); ++i)
      expanded.push_back({round.flows, aggregate ? round.repeat : 1});
  return expanded;
}

// The rounds in runs that are simulated as a whole: equal rounds by one of them, the rest as long as can be.
struct Schedule {
  std::vector<std::span<const PlannedRound>> segments;
  std::vector<std::int64_t> repeats;
  std::vector<const PlannedRound*> folded;
};

Schedule cut(const std::vector<PlannedRound>& rounds) {
  Schedule schedule;
  bool open = false;
  for (const PlannedRound& round : rounds) {
    if (round.flows.size() > kMostSimulated) {
      schedule.folded.push_back(&round);
      open = false;
    } else if (open && round.repeat == 1) {
      schedule.segments.back() = {schedule.segments.back().data(), schedule.segments.back().size() + 1};
    } else {
      schedule.segments.emplace_back(&round, 1);
      schedule.repeats.push_back(round.repeat);
      open = round.repeat == 1;
    }
  }
  return schedule;
}

std::vector<Seconds> run_segments(const FlowPlan& plan, const Schedule& schedule) {
  if (schedule.segments.empty()) return {};
  const std::string bytes = run_in_child([&] {
    ByteWriter writer;
    writer.put(run_flows_simgrid(plan, schedule.segments));
    return writer.take();
  });
  return ByteReader(bytes).get_vector<Seconds>();
}

std::int64_t simulated_flows(const Schedule& schedule) {
  std::size_t flows = 0;
  for (const auto& segment : schedule.segments)
    for (const PlannedRound& round : segment) flows += round.flows.size();
  for (const PlannedRound* round : schedule.folded) flows += round->flows.size();
  return static_cast<std::int64_t>(flows);
}

void report_links(const FlowPlan& plan, const Fabric& fabric, FlowResult& result) {
  for (const PlannedLink& link : plan.links) {
    result.bytes[link.bundle] = link.bytes;
    if (result.time.value() <= 0) continue;
    const double utilisation = link.bytes / (fabric.bundle(link.bundle).bandwidth * result.time);
    if (utilisation <= result.busiest_utilisation) continue;
    result.busiest_utilisation = utilisation;
    result.busiest = link.bundle;
  }
}

}  // namespace

FlowResult simulate_flows(const Fabric& fabric, const std::vector<DeviceId>& members, const std::vector<Round>& rounds,
                          const FlowOptions& options) {
  FlowPlan plan = plan_flows(fabric, members, rounds, options);
  return simulate_plan(fabric, plan, options);
}

FlowResult simulate_plan(const Fabric& fabric, const FlowPlan& plan, const FlowOptions& options) {
  const std::vector<PlannedRound> expanded = expand(plan.rounds, options.aggregate_rounds);
  const Schedule schedule = cut(expanded);
  const std::vector<Seconds> times = run_segments(plan, schedule);
  FlowResult result;
  for (std::size_t i = 0; i < times.size(); ++i) result.time += times[i] * static_cast<double>(schedule.repeats[i]);
  for (const PlannedRound* round : schedule.folded)
    result.time += run_round_folded(plan, *round) * static_cast<double>(round->repeat);
  result.flows = simulated_flows(schedule);
  result.latency = latency_floor(plan);
  report_links(plan, fabric, result);
  return result;
}

}  // namespace supernode
