// From links to bundles: which links run in parallel, what they sum to, and how many devices share them.
#include <algorithm>
#include <cassert>
#include <cmath>

#include "topology/fabric_impl.hpp"

namespace supernode {

namespace {

// A tier pair and plane as one key; a fabric has far fewer than 2^30 tiers.
std::uint64_t bundle_key(int from, int to, Plane plane) {
  return (static_cast<std::uint64_t>(from) << 34) | (static_cast<std::uint64_t>(to) << 4) |
         static_cast<std::uint64_t>(plane);
}

}  // namespace

BundleId Fabric::Impl::bundle_between(int from, int to, const FabricLink& link,
                                      std::unordered_map<std::uint64_t, BundleId>& index) {
  const LinkSpec& spec = link.spec;
  assert(from != to && "a link inside a tier has no direction");
  const BundleId fresh(static_cast<std::int64_t>(bundles.size()));
  const auto [entry, added] = index.try_emplace(bundle_key(from, to, spec.plane), fresh);
  if (added) {
    bundles.push_back(
        {.bandwidth = {}, .nominal = {}, .latency = spec.latency, .plane = spec.plane, .links = 0, .devices_below = 1});
    bundle_ends.emplace_back(from, to);
    tiers[from].edges.push_back({to, fresh});
  }
  Bundle& bundle = bundles[entry->second.index];
  assert(bundle.latency == spec.latency && "links of a bundle differ in latency");
  bundle.bandwidth += spec.bandwidth * link.share;
  bundle.nominal += spec.bandwidth;
  ++bundle.links;
  return entry->second;
}

void Fabric::Impl::build_bundles() {
  std::unordered_map<std::uint64_t, BundleId> index;
  for (const auto edge : boost::make_iterator_range(boost::edges(graph))) {
    FabricLink& link = graph[edge];
    const int from = graph[link.from].tier, to = graph[link.to].tier;
    link.forward = bundle_between(from, to, link, index);
    link.backward = bundle_between(to, from, link, index);
  }
}

// Every vertex of the tier that a bundle leaves has an equal share of its links, and all its links are alike.
void Fabric::Impl::check_uniform() const {
  std::vector<std::pair<int, int>> ends;  // (bundle, vertex it leaves), one a link
  ends.reserve(2 * boost::num_edges(graph));
  for (const auto edge : boost::make_iterator_range(boost::edges(graph))) {
    const FabricLink& link = graph[edge];
    ends.emplace_back(link.forward.index, link.from);
    ends.emplace_back(link.backward.index, link.to);
    const Bundle& bundle = bundles[link.forward.index];
    const double mean = bundle.nominal.value() / bundle.links;
    assert(std::abs(link.spec.bandwidth.value() - mean) <= 1e-9 * mean && "links of a bundle differ in bandwidth");
  }
  std::sort(ends.begin(), ends.end());
  for (std::size_t i = 0; i < ends.size();) {
    std::size_t end = i;
    while (end < ends.size() && ends[end] == ends[i]) ++end;
    const int share = bundles[ends[i].first].links / tiers[graph[ends[i].second].tier].size;
    assert(static_cast<int>(end - i) == share && "vertices of a tier differ in their links");
    i = end;
  }
}

// Hops from the nearest device over one plane; -1 where no device reaches.
std::vector<int> Fabric::Impl::levels(Plane plane) const {
  std::vector<int> level(tiers.size(), -1);
  std::vector<int> frontier;
  for (const VertexId device : devices) {
    frontier.push_back(tier_of(device));
    level[frontier.back()] = 0;
  }
  for (int depth = 1; !frontier.empty(); ++depth) {
    std::vector<int> next;
    for (const int tier : frontier) {
      for (const TierEdge& edge : tiers[tier].edges) {
        if (level[edge.to] >= 0 || tiers[edge.to].endpoint() || !usable(bundle(edge.bundle).plane, plane)) continue;
        level[edge.to] = depth;
        next.push_back(edge.to);
      }
    }
    frontier = std::move(next);
  }
  return level;
}

// For each tier, the devices from which it is reached by going up only; through its relay, where a device needs one.
std::vector<int> Fabric::Impl::devices_under(Plane plane) const {
  const std::vector<int> level = levels(plane);
  std::vector<int> count(tiers.size(), 0), seen(tiers.size(), -1), stack;
  for (std::int64_t i = 0; i < std::ssize(devices); ++i) {
    const DeviceId device(i), relay = relay_of(device, plane);
    if (!relay.valid()) continue;
    stack.assign(1, tier_of(relay));
    while (!stack.empty()) {
      const int tier = stack.back();
      stack.pop_back();
      if (seen[tier] == device.index) continue;
      seen[tier] = device.index;
      ++count[tier];
      for (const TierEdge& edge : tiers[tier].edges) {
        if (level[edge.to] == level[tier] + 1 && usable(bundle(edge.bundle).plane, plane)) stack.push_back(edge.to);
      }
    }
  }
  return count;
}

// A bundle belongs to its lower end: what is attached below that end shares it on the way up or down. Bundles that
// carry no device's traffic (a CPU's port) keep the count 1, as do device ports.
void Fabric::Impl::count_devices_below() {
  for (const Plane plane : {Plane::kScaleUp, Plane::kScaleOut, Plane::kVpc}) {
    const std::vector<int> count = devices_under(plane);
    for (std::size_t tier = 0; tier < tiers.size(); ++tier) {
      for (const TierEdge& edge : tiers[tier].edges) {
        Bundle& bundle = bundles[edge.bundle.index];
        const bool port = tiers[tier].endpoint() || tiers[edge.to].endpoint();
        if (bundle.plane != plane || (port && !degraded)) continue;
        bundle.devices_below = std::max(1, std::min(count[tier], count[edge.to]));
      }
    }
  }
}

}  // namespace supernode
