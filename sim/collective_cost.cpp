#include "sim/collective_cost.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <unordered_map>

#include "base/child_process.hpp"
#include "base/serialize.hpp"
#include "sim/collective_run.hpp"
#include "sim/group_congruence.hpp"

namespace supernode {
namespace {

// A call over a group, comparable. `algorithm` is "" for the fastest.
struct CostKey {
  CollectiveCall call;
  std::string algorithm;
  std::vector<DeviceId> members;
  auto operator<=>(const CostKey&) const = default;
};

using Regimes = std::vector<const ProtocolRegime*>;

// No simulation of this run gives less.
Seconds least_time(const ProtocolRegime& regime, const CollectiveRun& run) {
  const double slowness = 1 / regime.efficiency.value;
  const Seconds wire = max(run.latency_floor, run.bandwidth_floor) + run.bandwidth_floor * (slowness - 1);
  return regime.latency(run.steps, run.plan.ranks) + wire + run.own_copy * slowness;
}

Seconds least_time(const Regimes& regimes, const CollectiveRun& run) {
  Seconds least(std::numeric_limits<double>::infinity());
  for (const ProtocolRegime* regime : regimes) least = min(least, least_time(*regime, run));
  return least;
}

// What a run across nodes moves inside them goes at the efficiency that the library has there.
Seconds inner_time(const ProtocolFit& inside, const CollectiveRun& run) {
  double best = 0;
  for (const ProtocolRegime& regime : inside.regimes) best = std::max(best, regime.efficiency.value);
  return run.inner_floor / best;
}

// A kernel takes its time for each token, however few bytes go with it.
Seconds handling_time(const ProtocolFit& fit, const CollectiveCall& call) {
  return fit.token.value * call.routing.tokens;
}

CollectiveCost priced(const ProtocolRegime& regime, const CollectiveRun& run, const WireTime& wire, Seconds floor) {
  CollectiveCost cost;
  cost.software = regime.latency(run.steps, run.plan.ranks);
  cost.hops = wire.hops;
  cost.wire = max(wire.transfer / regime.efficiency.value, floor);
  cost.latency = cost.software + cost.hops;
  cost.time = cost.latency + cost.wire;
  cost.port_bytes = run.port_bytes;
  cost.port_bandwidth = run.port_bandwidth;
  cost.chunk = run.chunk;
  cost.block = run.block;
  cost.plane = run.plane;
  cost.algorithm = run.algorithm;
  cost.rounds = run.steps;
  return cost;
}

// In the regime that is the fastest.
CollectiveCost priced(const ProtocolFit& fit, const CollectiveRun& run, Seconds simulated, Seconds floor) {
  const WireTime wire = split_wire_time(run, simulated);
  std::optional<CollectiveCost> best;
  for (const ProtocolRegime* regime : fit.regimes_for(run.algorithm, run.block)) {
    CollectiveCost cost = priced(*regime, run, wire, floor);
    cost.regime = static_cast<int>(regime - fit.regimes.data());
    cost.deviation = cost.time * fit.deviation.relative(cost.wire / cost.time, run.plan.ranks);
    if (!best || cost.time < best->time) best = cost;
  }
  return *best;
}

// Flows that are simulated in less time than a child takes to start: milliseconds, for it has the pages of a large
// fabric to map.
constexpr std::size_t kSmall = 4096;

std::size_t flows_of(const FlowPlan& plan) {
  std::size_t flows = 0;
  for (const PlannedRound& round : plan.rounds) flows += round.flows.size();
  return flows;
}

}  // namespace

struct CollectiveCostModel::Impl {
  Impl(const Fabric& f, const CollectiveProtocol& p) : fabric(f), protocol(p), signatures(f) {}

  const Fabric& fabric;
  const CollectiveProtocol& protocol;
  GroupSignatures signatures;
  CollectiveRegistry registry{};
  std::map<std::vector<std::int32_t>, std::vector<DeviceId>> representatives{};  // by signature, the first group seen
  std::map<CostKey, CollectiveCost> costs{};
  std::map<CostKey, std::vector<CollectiveRun>> planned{};  // requests under way, by least time
  std::unordered_map<std::uint64_t, Seconds> simulated{};   // by plan

  CostKey key(const CollectiveCall& call, const std::string& algorithm, const std::vector<DeviceId>& members) {
    return {call, algorithm, representatives.try_emplace(signatures.of(members), members).first->second};
  }
  const ProtocolFit& fit(const CostKey& key, const CollectiveRun& run) const {
    return protocol.fit(key.call, run.crosses_scale_out());
  }
  Regimes regimes(const CostKey& key, const CollectiveRun& run) const {
    return fit(key, run).regimes_for(run.algorithm, run.block);
  }
  bool candidate(const CostKey& key, const CollectiveAlgorithm& algorithm, const GroupShape& shape) const;
  std::vector<CollectiveRun> plan(const CostKey& key) const;
  const std::vector<CollectiveRun>& runs(const CostKey& key);
  struct Verdict {
    std::optional<CollectiveCost> cost;   // the fastest of all, or
    const CollectiveRun* next = nullptr;  // a run that must be simulated to know
  };
  Verdict judge(const CostKey& key);
  void simulate_all(const std::vector<const CollectiveRun*>& wanted, int workers);
};

bool CollectiveCostModel::Impl::candidate(const CostKey& key, const CollectiveAlgorithm& algorithm,
                                          const GroupShape& shape) const {
  if (!algorithm.supports(key.call, shape)) return false;
  if (!key.algorithm.empty()) return algorithm.name() == key.algorithm;
  if (!allows(protocol.algorithms, key.call.op, algorithm.name())) return false;
  return algorithm.name() != "nvls" || protocol.fit(key.call.op, false).in_network_reduction;
}

std::vector<CollectiveRun> CollectiveCostModel::Impl::plan(const CostKey& key) const {
  const GroupShape shape = group_shape(fabric, key.members);
  const CollectiveCall call = protocol.as_moved(key.call);
  std::vector<CollectiveRun> runs;
  for (const auto& algorithm : registry.all())
    if (candidate(key, *algorithm, shape)) runs.push_back(plan_collective(fabric, *algorithm, call, key.members));
  if (key.algorithm.empty())
    std::erase_if(runs, [&](const CollectiveRun& run) { return !fit(key, run).runs(run.algorithm); });
  if (runs.empty())
    throw std::runtime_error("no algorithm '" + key.algorithm + "' for " + std::string(to_string(key.call.op)));
  std::ranges::stable_sort(runs, {}, [&](const CollectiveRun& run) { return least_time(regimes(key, run), run); });
  return runs;
}

const std::vector<CollectiveRun>& CollectiveCostModel::Impl::runs(const CostKey& key) {
  const auto found = planned.find(key);
  return found != planned.end() ? found->second : planned.emplace(key, plan(key)).first->second;
}

// In order of least time, so that the search ends when nothing left can be faster than the best so far.
CollectiveCostModel::Impl::Verdict CollectiveCostModel::Impl::judge(const CostKey& key) {
  Verdict verdict;
  for (const CollectiveRun& run : runs(key)) {
    const Regimes of = regimes(key, run);
    if (verdict.cost && least_time(of, run) >= verdict.cost->time) break;
    const auto time = simulated.find(run.key);
    if (time == simulated.end()) return {std::nullopt, &run};
    const ProtocolFit& of_run = fit(key, run);
    const Seconds floor = max(inner_time(protocol.fit(key.call, false), run), handling_time(of_run, key.call));
    const CollectiveCost cost = priced(of_run, run, time->second, floor);
    if (!verdict.cost || cost.time < verdict.cost->time) verdict.cost = cost;
  }
  return verdict;
}

void CollectiveCostModel::Impl::simulate_all(const std::vector<const CollectiveRun*>& wanted, int workers) {
  std::vector<const CollectiveRun*> large;
  for (const CollectiveRun* run : wanted) {
    if (flows_of(run->plan) > kSmall)
      large.push_back(run);
    else
      simulated[run->key] = simulate_plan(fabric, run->plan).time;
  }
  const auto work = [&](std::size_t i) {
    ByteWriter writer;
    writer.put(simulate_plan(fabric, large[i]->plan).time);
    return writer.take();
  };
  const std::vector<std::string> results = run_in_children(large.size(), work, workers);
  for (std::size_t i = 0; i < large.size(); ++i) simulated[large[i]->key] = ByteReader(results[i]).get<Seconds>();
}

CollectiveCostModel::CollectiveCostModel(const Fabric& fabric, const CollectiveProtocol& protocol)
    : impl_(new Impl(fabric, protocol)) {
  register_builtin_collectives(impl_->registry);
}

CollectiveCostModel::~CollectiveCostModel() = default;

CollectiveCost CollectiveCostModel::cost(const CollectiveCall& call, const std::vector<DeviceId>& members,
                                         const std::string& algorithm) {
  if (members.size() < 2 || call.bytes.value() <= 0) return {};
  const CostKey key = impl_->key(call, algorithm, members);
  if (const auto found = impl_->costs.find(key); found != impl_->costs.end()) return found->second;
  Impl::Verdict verdict = impl_->judge(key);
  for (; !verdict.cost; verdict = impl_->judge(key))
    impl_->simulated[verdict.next->key] = simulate_plan(impl_->fabric, verdict.next->plan).time;
  impl_->planned.erase(key);
  return impl_->costs[key] = *verdict.cost;
}

void CollectiveCostModel::prefetch(const std::vector<Request>& requests, int workers) {
  std::vector<CostKey> open;
  for (const Request& request : requests)
    if (request.members.size() >= 2 && request.call.bytes.value() > 0)
      open.push_back(impl_->key(request.call, "", request.members));
  while (!open.empty()) {
    std::map<std::uint64_t, const CollectiveRun*> missing;
    std::vector<CostKey> undecided;
    for (CostKey& key : open) {
      if (impl_->costs.contains(key)) continue;
      const Impl::Verdict verdict = impl_->judge(key);
      if (verdict.cost) {
        impl_->costs[key] = *verdict.cost;
        impl_->planned.erase(key);
      } else {
        missing.emplace(verdict.next->key, verdict.next);
        undecided.push_back(std::move(key));
      }
    }
    std::vector<const CollectiveRun*> wanted;
    for (const auto& [key, run] : missing) wanted.push_back(run);
    impl_->simulate_all(wanted, workers);
    open = std::move(undecided);
  }
}

}  // namespace supernode
