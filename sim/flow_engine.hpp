#pragma once
// Runs planned flows in time. Two engines that must agree (tests/sim/flow_engine_test.cpp): SimGrid, which simulates
// each flow, and a fold of symmetric flows for rounds of so many flows at once that SimGrid turns superlinear.

#include <span>

#include "base/quantity.hpp"
#include "sim/flow_plan.hpp"

namespace supernode {

// Time of the rounds one after another (each once, whatever its repeat): a rank starts a round when its sends of the
// round before are done and what it was sent in it has arrived. A flow waits its path's latency, then moves its bytes
// at a max-min fair rate. SimGrid 3.32, network model CM02; may be called once in a process, so call it in a child. One
// entry a call: results[i] is the time of segments[i], which starts on an idle network.
std::vector<Seconds> run_flows_simgrid(const FlowPlan& plan,
                                       const std::vector<std::span<const PlannedRound>>& segments);

// Time of one round with all flows at once, exact for max-min fairness. Flows that no automorphism-like refinement can
// tell apart (same bytes, latency and kinds of links, all the way round) get one variable; see
// docs/models/collectives.md.
Seconds run_round_folded(const FlowPlan& plan, const PlannedRound& round);

}  // namespace supernode
