#pragma once
// Several collectives at once over one fabric, sharing its links by max-min: overlapped tensor- and data-parallel
// traffic, or several jobs of one cluster.

#include <vector>

#include "sim/flow.hpp"

namespace supernode {

struct FlowJob {
  std::vector<DeviceId> members;  // position i of the rounds; devices may serve several jobs
  std::vector<Round> rounds;
  Seconds start{};
};

struct ConcurrentResult {
  std::vector<Seconds> finish;  // by job, on the clock of their starts; a job with nothing to send ends at its start
  FlowResult all;               // loads over the whole time, which is the last finish
};

// Every round of every job is simulated (`aggregate_rounds` does not apply: how jobs overlap changes from round to
// round). With `siblings_active`, shares count the members of all jobs together; by default only the jobs given run.
ConcurrentResult simulate_concurrent(const Fabric& fabric, const std::vector<FlowJob>& jobs,
                                     const FlowOptions& options = {.siblings_active = false});

}  // namespace supernode
