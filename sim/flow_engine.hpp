#pragma once
// Runs planned flows in time. Two engines that must agree (tests/sim/flow_engine_test.cpp): SimGrid, which simulates
// each flow, and our own event loop over classes of symmetric flows.
//
// Both do this: a rank starts at its time of the plan; it starts a round when its sends of the round before are done
// and what it was sent in it has arrived; a flow waits its path's latency, then moves its bytes at a max-min fair rate.

#include <vector>

#include "base/quantity.hpp"
#include "sim/flow.hpp"
#include "sim/flow_classes.hpp"
#include "sim/flow_plan.hpp"

namespace supernode {

struct FlowRun {
  std::vector<std::vector<Seconds>> finish;  // when each rank is through: by segment, by rank
  std::int64_t flows = 0, variables = 0;     // as FlowResult says
};
// Whichever engine is asked for.
FlowRun run_flows(const FlowPlan& plan, const std::vector<FlowSegment>& segments, FlowEngine engine);

// When each rank is through with a segment: by segment, by rank. SimGrid 3.32, network model CM02; may be called once
// in a process, so call it in a child.
std::vector<std::vector<Seconds>> run_flows_simgrid(const FlowPlan& plan, const std::vector<FlowSegment>& segments);

// The same for one segment in classes, exact for max-min fairness: by class of ranks.
std::vector<Seconds> run_flow_classes(const FlowClasses& classes);

}  // namespace supernode
