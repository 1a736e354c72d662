#include "sim/flow_plan.hpp"

#include <algorithm>
#include <cassert>
#include <unordered_map>

#include "sim/flow_share.hpp"

namespace supernode {
namespace {

class Planner {
 public:
  Planner(const Fabric& fabric, const std::vector<DeviceId>& members, const FlowOptions& options)
      : fabric_(fabric), members_(members), options_(options), share_(fabric, members) {
    plan_.ranks = static_cast<std::int32_t>(members.size());
  }

  void add(const Round& round) {
    PlannedRound planned{{}, round.repeat};
    for (const Transfer& transfer : round.transfers) {
      assert(transfer.from >= 0 && transfer.from < plan_.ranks && transfer.to >= 0 && transfer.to < plan_.ranks);
      if (transfer.from == transfer.to || transfer.bytes.value() <= 0) continue;
      planned.flows.push_back({transfer.from, transfer.to, path(transfer.from, transfer.to), transfer.bytes});
      for (const std::int32_t link : plan_.links_of(planned.flows.back()))
        plan_.links[static_cast<std::size_t>(link)].bytes += transfer.bytes * static_cast<double>(round.repeat);
    }
    if (!planned.flows.empty() && round.repeat > 0) plan_.rounds.push_back(std::move(planned));
  }

  FlowPlan take() { return std::move(plan_); }

 private:
  std::int32_t path(std::int32_t from, std::int32_t to) {
    const std::int64_t key = static_cast<std::int64_t>(from) * plan_.ranks + to;
    const auto [entry, fresh] = path_index_.try_emplace(key, static_cast<std::int32_t>(plan_.paths.size()));
    if (fresh) make_path(members_[static_cast<std::size_t>(from)], members_[static_cast<std::size_t>(to)]);
    return entry->second;
  }

  void make_path(DeviceId from, DeviceId to) {
    const Route& route = fabric_.route(from, to);
    const std::size_t hops = route.bundles.size();
    PlannedPath path{static_cast<std::int32_t>(plan_.path_links.size()), static_cast<std::int32_t>(hops), route.latency,
                     route.plane};
    for (std::size_t i = 0; i < hops; ++i) plan_.path_links.push_back(link(route.bundles[i], from, to, 2 * i < hops));
    plan_.paths.push_back(path);
  }

  std::int32_t link(BundleId bundle, DeviceId from, DeviceId to, bool up) {
    const auto [entry, fresh] = link_index_.try_emplace(bundle, static_cast<std::int32_t>(plan_.links.size()));
    if (fresh) {
      const double share = options_.siblings_active ? share_.of(bundle, from, to, up) : 1.0;
      plan_.links.push_back({bundle, {}, fabric_.bundle(bundle).bandwidth * share, {}});
    }
    return entry->second;
  }

  const Fabric& fabric_;
  const std::vector<DeviceId>& members_;
  const FlowOptions& options_;
  SiblingShare share_;
  FlowPlan plan_;
  std::unordered_map<std::int64_t, std::int32_t> path_index_;
  std::unordered_map<BundleId, std::int32_t> link_index_;
};

}  // namespace

FlowPlan plan_flows(const Fabric& fabric, const std::vector<DeviceId>& members, const std::vector<Round>& rounds,
                    const FlowOptions& options) {
  Planner planner(fabric, members, options);
  for (const Round& round : rounds) planner.add(round);
  return planner.take();
}

Seconds latency_floor(const FlowPlan& plan) {
  std::vector<Seconds> ready(static_cast<std::size_t>(plan.ranks)), next;
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
