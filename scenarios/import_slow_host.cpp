// The state of the machine that nanotron's sweep ran on, as its runs tell it (LaunchSpec::for_peer, for_message).
//
// Each run measured an all-gather over all its ranks. In the sweep's first jobs the bus bandwidth was 221 to 44 GB/s on
// 2 to 64 nodes; in nearly all later jobs of several nodes 163, 98, 54, 27, 13 and 6.4 GB/s: a ring in which every step
// takes 0.31 ms, whatever it carries. In the same jobs a layer's ten tensor-parallel collectives cost 0.3 ms for each
// other rank of their group, also inside a node, and nothing where the device is the slower: it is the host that falls
// behind. Here they are sixteen operations, as those that overlap come in two pieces: four launches of about 50 us for
// each. Before its pipeline fix (the sweep's column after_pp_fix) nanotron spent about 0.5 s on the messages of a pass,
// whatever model, plan and machine: ten thousand launches.

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/import_parts.hpp"

namespace supernode {

namespace {

constexpr std::int64_t kForPeer = 4, kForMessage = 10'000;
constexpr std::int64_t kNode = 8;

// Seconds that a step of the ring takes, and would take at the bandwidth inside a healthy node. The message is taken as
// 1 GiB: at that size the steps of all the sweep's later jobs agree.
constexpr double kMessage = 1024.0 * 1024 * 1024, kInNode = 263e9;
constexpr double kSlowStep = 200e-6, kSlowRatio = 1.5;

bool is_slow(const PublishedRun& run) {
  if (run.gather_gbps <= 0 || run.ranks <= kNode) return false;
  const double piece = kMessage / static_cast<double>(run.ranks);
  return piece / (run.gather_gbps * 1e9) > std::max(kSlowStep, kSlowRatio * piece / kInNode);
}

}  // namespace

void import_slow_host(RunImport& import) {
  const PublishedRun& run = import.run;
  if (is_slow(run)) {
    import.yaml.set("plan.launch.for_peer", kForPeer);
    import.assume(fmt::format("a host that falls behind: the run's all-gather over {} ranks reached {} GB/s", run.ranks,
                              run.gather_gbps));
  }
  if (!run.fills_stages && import.pipeline() > 1) {
    import.yaml.set("plan.launch.for_message", kForMessage);
    import.assume("messages between stages as slow as before nanotron's pipeline fix");
  }
}

}  // namespace supernode
