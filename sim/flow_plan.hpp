#pragma once
// Rounds of transfers laid over the fabric's routes: which links (one per bundle used) each flow crosses, what each
// link may carry, and two floors of the time that need no simulation.

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/quantity.hpp"
#include "sim/flow.hpp"

namespace supernode {

struct PlannedLink {
  BundleId bundle;            // invalid: a joint limit of a degraded fabric
  LinkId link;                // valid: this one link of the bundle, under ECMP; else the flow is sprayed over all
  BytesPerSecond capacity{};  // of the bundle or link, times the group's share of it
  Bytes bytes{};              // carried over all rounds
};

// The links of one (from, to) pair: a slice of FlowPlan::path_links.
struct PlannedPath {
  std::int32_t first = 0, count = 0;
  Seconds latency{};
  Plane plane = Plane::kLocal;  // the highest it uses
};

struct PlannedFlow {
  std::int32_t from = 0, to = 0;  // positions in the group, never equal
  std::int32_t path = 0;
  Bytes bytes{};  // > 0
};

struct PlannedRound {
  std::vector<PlannedFlow> flows;
  std::int64_t repeat = 1;
};

// Rounds of a plan that are simulated as one, starting on an idle network.
struct FlowSegment {
  std::span<const PlannedRound> rounds;
  bool repeated = true;  // each round as often as it says; else once

  std::int64_t repeat_of(const PlannedRound& round) const { return repeated ? round.repeat : 1; }
};

struct FlowPlan {
  std::int32_t ranks = 0;
  std::vector<PlannedLink> links;
  std::vector<std::int32_t> path_links;  // indices into links
  std::vector<PlannedPath> paths;
  std::vector<PlannedRound> rounds;  // none empty
  std::vector<Seconds> start;        // by rank, before which it does nothing; none: all start at zero

  Seconds start_of(std::int32_t rank) const {
    return start.empty() ? Seconds{} : start[static_cast<std::size_t>(rank)];
  }
  std::span<const std::int32_t> links_of(const PlannedFlow& flow) const {
    const PlannedPath& path = paths[static_cast<std::size_t>(flow.path)];
    return {path_links.data() + path.first, static_cast<std::size_t>(path.count)};
  }
};

// Transfers to oneself and of nothing vanish.
FlowPlan plan_flows(const Fabric& fabric, const std::vector<DeviceId>& members, const std::vector<Round>& rounds,
                    const FlowOptions& options);

// Fills in what each bundle and link carries and which is the busiest over `result.time`.
void report_loads(const Fabric& fabric, const FlowPlan& plan, FlowResult& result);

// The time the rounds would take if bandwidth were infinite: hop latencies along the longest chain of rounds.
Seconds latency_floor(const FlowPlan& plan);
// The time the rounds would take if there were no latency and no round had to wait for another: bytes of the fullest
// link over its capacity.
Seconds bandwidth_floor(const FlowPlan& plan);

}  // namespace supernode
