#include "sim/flow_planner.hpp"

#include <algorithm>
#include <cassert>

namespace supernode {
namespace {

constexpr std::size_t kMostDense = 1024;  // members: a table of all pairs takes 8 MiB
constexpr std::int32_t kNone = -1;

}  // namespace

FlowPlanner::FlowPlanner(const Fabric& fabric, const std::vector<DeviceId>& members, const FlowOptions& options)
    : fabric_(fabric),
      members_(members),
      options_(options),
      share_(fabric, members),
      bundle_index_(static_cast<std::size_t>(fabric.bundle_count()), kNone) {
  plan_.ranks = static_cast<std::int32_t>(members.size());
  if (members.size() <= kMostDense) dense_.resize(members.size() * members.size());
}

void FlowPlanner::expect(std::size_t transfers) {
  constexpr std::size_t kLinksOfPath = 4;  // device, leaf, spine and back
  const std::size_t pairs = members_.size() * members_.size();
  plan_.paths.reserve(std::min(transfers, pairs));
  plan_.path_links.reserve(kLinksOfPath * std::min(transfers, pairs));
}

void FlowPlanner::add(const Round& round, std::int32_t first) {
  if (round.repeat <= 0) return;
  PlannedRound planned{{}, round.repeat};
  planned.flows.reserve(round.transfers.size());
  for (const Transfer& transfer : round.transfers) {
    const std::int32_t from = first + transfer.from, to = first + transfer.to;
    assert(transfer.from >= 0 && from < plan_.ranks && transfer.to >= 0 && to < plan_.ranks);
    if (from == to || transfer.bytes.value() <= 0) continue;
    const Paths& over = paths(from, to);
    const Bytes bytes = transfer.bytes / static_cast<double>(over.count);
    for (std::int32_t path = over.first; path < over.first + over.count; ++path) {
      planned.flows.push_back({from, to, path, bytes});
      for (const std::int32_t link : plan_.links_of(planned.flows.back()))
        plan_.links[static_cast<std::size_t>(link)].bytes += bytes * static_cast<double>(round.repeat);
    }
  }
  if (!planned.flows.empty()) plan_.rounds.push_back(std::move(planned));
}

FlowPlanner::Paths& FlowPlanner::slot(std::int32_t from, std::int32_t to) {
  const std::int64_t key = static_cast<std::int64_t>(from) * plan_.ranks + to;
  return dense_.empty() ? sparse_[key] : dense_[static_cast<std::size_t>(key)];
}

const FlowPlanner::Paths& FlowPlanner::paths(std::int32_t from, std::int32_t to) {
  Paths& known = slot(from, to);
  if (known.first == kNone)
    known = make_paths(members_[static_cast<std::size_t>(from)], members_[static_cast<std::size_t>(to)]);
  return known;
}

FlowPlanner::Paths FlowPlanner::make_paths(DeviceId from, DeviceId to) {
  const auto first = static_cast<std::int32_t>(plan_.paths.size());
  // The same device in two jobs: nothing to cross.
  if (from == to) {
    plan_.paths.push_back({static_cast<std::int32_t>(plan_.path_links.size()), 0, Seconds{}, Plane::kLocal});
    return {first, 1};
  }
  const RouteView route = fabric_.route_view(from, to);
  const Hashing& hashing = fabric_.hashing(route.plane);
  if (hashing.ecmp)
    for (int flow = 0; flow < hashing.flows; ++flow) hash(fabric_.route(from, to), from, to, flow);
  else
    spray(route, from, to);
  return {first, static_cast<std::int32_t>(plan_.paths.size()) - first};
}

void FlowPlanner::add_path(Seconds latency, Plane plane, std::size_t first_link) {
  plan_.paths.push_back({static_cast<std::int32_t>(first_link),
                         static_cast<std::int32_t>(plan_.path_links.size() - first_link), latency, plane});
}

void FlowPlanner::spray(const RouteView& route, DeviceId from, DeviceId to) {
  const std::size_t first_link = plan_.path_links.size(), hops = route.size();
  std::size_t hop = 0;
  for (const std::span<const BundleId> part : route.parts)
    for (const BundleId bundle : part) plan_.path_links.push_back(bundle_link(bundle, {}, from, to, 2 * hop++ < hops));
  add_joint_links(from, to);
  add_path(route.latency, route.plane, first_link);
}

void FlowPlanner::hash(const Route& route, DeviceId from, DeviceId to, int flow) {
  const std::size_t first_link = plan_.path_links.size();
  const std::vector<HashedHop> hops = fabric_.hashed_path(route, from, to, flow);
  for (std::size_t i = 0; i < hops.size(); ++i)
    plan_.path_links.push_back(single_link(hops[i], from, to, 2 * i < hops.size()));
  add_joint_links(from, to);
  add_path(route.latency, route.plane, first_link);
}

double FlowPlanner::share_of(BundleId bundle, DeviceId from, DeviceId to, bool up) const {
  return options_.siblings_active ? share_.of(bundle, from, to, up) : 1.0;
}

std::int32_t FlowPlanner::bundle_link(BundleId bundle, LinkId link, DeviceId from, DeviceId to, bool up) {
  std::int32_t& index = bundle_index_[static_cast<std::size_t>(bundle.index)];
  if (index == kNone) {
    index = static_cast<std::int32_t>(plan_.links.size());
    plan_.links.push_back({bundle, {}, fabric_.bundle(bundle).bandwidth * share_of(bundle, from, to, up), {}});
  }
  if (link.valid()) plan_.links[static_cast<std::size_t>(index)].link = link;
  return index;
}

// A bundle of one link is the same to hashed and to sprayed flows; one of a plane that sprays has no link to name.
std::int32_t FlowPlanner::single_link(const HashedHop& hop, DeviceId from, DeviceId to, bool up) {
  if (fabric_.bundle(hop.bundle).links == 1 || !hop.link.valid())
    return bundle_link(hop.bundle, hop.link, from, to, up);
  const std::int64_t key = (static_cast<std::int64_t>(hop.bundle.index) << 32) | hop.link.index;
  const auto [entry, fresh] = single_index_.try_emplace(key, static_cast<std::int32_t>(plan_.links.size()));
  if (fresh) {
    const LinkView view = fabric_.link(hop.link);
    plan_.links.push_back({hop.bundle, hop.link, view.spec.bandwidth * view.share, {}});
    const double share = share_of(hop.bundle, from, to, up);
    if (share < 1) shared_.push_back({entry->second, share});
  }
  return entry->second;
}

FlowPlan FlowPlanner::take() {
  leave_siblings_their_part(plan_, shared_, fabric_);
  return std::move(plan_);
}

void FlowPlanner::add_joint_links(DeviceId from, DeviceId to) {
  if (!fabric_.degraded()) return;
  const Route& route = fabric_.route(from, to);
  for (const JointLimit& limit : fabric_.joint_limits(route))
    plan_.path_links.push_back(joint_link(limit, route, from, to));
}

// Flows that share the limit cross all of its bundles: no more sibling groups have some than the fewest that share one
// of these.
std::int32_t FlowPlanner::joint_link(const JointLimit& limit, const Route& route, DeviceId from, DeviceId to) {
  const auto [entry, fresh] = joint_index_.try_emplace(limit.key, static_cast<std::int32_t>(plan_.links.size()));
  if (!fresh) return entry->second;
  double share = 0;
  for (std::size_t i = limit.first; i < limit.first + limit.count; ++i)
    share = std::max(share, share_of(route.bundles[i], from, to, 2 * i < route.bundles.size()));
  plan_.links.push_back({{}, {}, limit.capacity * share, {}});
  return entry->second;
}

}  // namespace supernode
