#include "sim/collective_run.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include "base/hash.hpp"
#include "sim/collectives/builtin.hpp"
#include "sim/collectives/token_spread.hpp"

namespace supernode {
namespace {

template <class T>
void hash_in(std::uint64_t& hash, const T& value) {
  hash = fnv1a_of(value, hash);
}

// Links and paths are numbered in order of first use, so the numbers depend on the group's shape alone.
std::uint64_t plan_key(const FlowPlan& plan) {
  std::uint64_t hash = fnv1a("flow plan");
  hash_in(hash, plan.ranks);
  for (const PlannedLink& link : plan.links) hash_in(hash, link.capacity);
  for (const std::int32_t link : plan.path_links) hash_in(hash, link);
  for (const PlannedPath& path : plan.paths) hash_in(hash, path.first), hash_in(hash, path.latency);
  for (const PlannedRound& round : plan.rounds) {
    hash_in(hash, round.repeat);
    for (const PlannedFlow& flow : round.flows) {
      hash_in(hash, flow.from), hash_in(hash, flow.to), hash_in(hash, flow.path), hash_in(hash, flow.bytes);
    }
  }
  return hash;
}

// Calls f for each flow in the widest plane.
template <class F>
void for_each_widest(const CollectiveRun& run, F f) {
  for (const PlannedRound& round : run.plan.rounds)
    for (const PlannedFlow& flow : round.flows)
      if (run.plan.paths[static_cast<std::size_t>(flow.path)].plane == run.plane)
        f(flow, flow.bytes * static_cast<double>(round.repeat));
}

// Time of copying a byte of one's own part over that of moving one through the port. From the times of n = 2 and n = 8
// at 512 MiB, which (n-1)/n alone would put at 0.57 and which are 0.64 to 0.97: median of all-gather, reduce-scatter
// and all-to-all on A100, H100 and B200 (NCCL 2.27 to 2.29, ai-dynamo/aiconfigurator@095f58a5).
constexpr double kOwnCopyPace = 0.45;
// Expert exchanges put a rank's own tokens through the same queues as those of the others.
constexpr double kOwnTokenPace = 1;

// What a rank sends to one peer in an exchange, or its part of the buffer.
Bytes block_of(const CollectiveCall& call, const GroupShape& shape) {
  if (is_exchange(call.op)) return bytes_per_peer(call, shape);
  return call.op == CollectiveOp::kSendRecv ? call.bytes : call.bytes / static_cast<double>(shape.size());
}

// What a rank moves to itself: its own block of a gather, scatter, exchange or of an all-reduce made of the first two.
// In a tree, in the switch and where others are only read it has none.
Bytes own_part(const CollectiveCall& call, const GroupShape& shape, const std::string& algorithm) {
  constexpr std::string_view kWithout[] = {"tree", "nvls", "sharp", "one_shot"};
  const bool none = call.op == CollectiveOp::kSendRecv || std::ranges::find(kWithout, algorithm) != std::end(kWithout);
  return none ? Bytes{} : block_of(call, shape) * (is_expert_exchange(call.op) ? kOwnTokenPace : kOwnCopyPace);
}

void measure_port(const Fabric& fabric, const std::vector<DeviceId>& members, CollectiveRun& run) {
  for (const PlannedPath& path : run.plan.paths) run.plane = std::max(run.plane, path.plane);
  std::vector<Bytes> sent(members.size());
  for_each_widest(run,
                  [&](const PlannedFlow& flow, Bytes bytes) { sent[static_cast<std::size_t>(flow.from)] += bytes; });
  const auto most = std::ranges::max_element(sent);
  const auto busiest = static_cast<std::int32_t>(most - sent.begin());
  std::set<std::int32_t> peers;
  for_each_widest(run, [&](const PlannedFlow& flow, Bytes) {
    if (flow.from == busiest) peers.insert(flow.to);
  });
  run.port_bytes = *most;
  run.chunk = run.port_bytes / static_cast<double>(peers.size());
  // A device's share of a NIC is less than it gets when the group leaves the NIC's other devices silent.
  const BytesPerSecond share = fabric.port_bandwidth(members[static_cast<std::size_t>(busiest)], run.plane);
  run.port_bandwidth = max(share, run.port_bytes / run.bandwidth_floor);
}

// Bytes that the first rank sends to one peer over the scale-up plane, on average.
Bytes inner_part(const FlowPlan& plan) {
  Bytes sent{};
  std::set<std::int32_t> peers;
  for (const PlannedRound& round : plan.rounds)
    for (const PlannedFlow& flow : round.flows) {
      if (flow.from != 0 || plan.paths[static_cast<std::size_t>(flow.path)].plane != Plane::kScaleUp) continue;
      sent += flow.bytes * static_cast<double>(round.repeat);
      peers.insert(flow.to);
    }
  return peers.empty() ? sent : sent / static_cast<double>(peers.size());
}

// Of the links of the scale-up plane; expert exchanges put a rank's own tokens through the same queues.
Seconds inner_floor(const Fabric& fabric, const CollectiveCall& call, DeviceId first, const FlowPlan& plan) {
  Seconds floor{};
  for (const PlannedLink& link : plan.links)
    if (link.bundle.valid() && fabric.bundle(link.bundle).plane == Plane::kScaleUp)
      floor = max(floor, link.bytes / link.capacity);
  if (!is_expert_exchange(call.op) || floor.value() <= 0) return floor;
  return floor + inner_part(plan) * kOwnTokenPace / fabric.port_bandwidth(first, Plane::kScaleUp);
}

}  // namespace

CollectiveRun plan_collective(const Fabric& fabric, const CollectiveAlgorithm& algorithm, const CollectiveCall& call,
                              const std::vector<DeviceId>& members) {
  const GroupShape shape = group_shape(fabric, members);
  CollectiveRun run;
  run.algorithm = algorithm.name();
  run.steps = algorithm.steps(call, shape);
  run.plan = plan_flows(fabric, members, algorithm.rounds(call, shape), FlowOptions{});
  run.latency_floor = latency_floor(run.plan);
  run.bandwidth_floor = bandwidth_floor(run.plan);
  run.key = plan_key(run.plan);
  measure_port(fabric, members, run);
  run.block = block_of(call, shape);
  if (run.crosses_scale_out()) run.inner_floor = inner_floor(fabric, call, members.front(), run.plan);
  if (!run.crosses_scale_out()) run.own_copy = own_part(call, shape, run.algorithm) / run.port_bandwidth;
  return run;
}

// Flows with short routes move bytes while others still wait for their first: then less of the time is hops alone.
WireTime split_wire_time(const CollectiveRun& run, Seconds simulated) {
  const Seconds transfer = max(simulated - run.latency_floor, run.bandwidth_floor);
  return {max(simulated - transfer, Seconds{}), transfer + run.own_copy};
}

}  // namespace supernode
