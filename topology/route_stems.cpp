#include "topology/route_stems.hpp"

#include <map>
#include <tuple>

#include "topology/fabric_impl.hpp"

namespace supernode {

namespace {

constexpr std::int32_t kMostInTable = 512;  // sorts: a table of 2 MiB

using StemKey = std::vector<std::tuple<int, double, Plane, int>>;  // by bundle: tier led to, latency, plane, links

}  // namespace

// The edges that lead on from a tier over the plane, towards tiers that forward.
std::vector<TierEdge> Fabric::Impl::onward(int tier, Plane plane) const {
  std::vector<TierEdge> found;
  for (const TierEdge& edge : tiers[static_cast<std::size_t>(tier)].edges) {
    const bool leads = !tiers[static_cast<std::size_t>(edge.to)].endpoint() && usable(bundle(edge.bundle).plane, plane);
    if (leads && alive(edge.bundle)) found.push_back(edge);
  }
  return found;
}

RouteStem Fabric::Impl::stem_of(DeviceId device, Plane plane) const {
  RouteStem stem;
  const int own = tier_of(device);
  std::vector<TierEdge> ways;
  int dead_ends = 0;
  for (const TierEdge& edge : onward(own, plane)) {
    const bool leads =
        tiers[static_cast<std::size_t>(edge.to)].kind != VertexKind::kNic || !onward(edge.to, plane).empty();
    if (leads) ways.push_back(edge);
    if (!leads) stem.dead_end = edge.to, ++dead_ends;
  }
  for (const TierEdge& edge : tiers[static_cast<std::size_t>(own)].edges) {
    const bool device_link = tiers[static_cast<std::size_t>(edge.to)].kind == VertexKind::kDevice;
    if (device_link && bundle(edge.bundle).plane == plane) return {};
  }
  if (ways.size() != 1 || dead_ends > 1) return {};
  const int first = ways.front().to;
  if (tiers[static_cast<std::size_t>(first)].kind == VertexKind::kNic) {
    const std::vector<TierEdge> wires = onward(first, plane);
    if (wires.size() == 1) {
      stem.nic = first;
      ways.push_back(wires.front());
    }
  }
  stem.count = static_cast<int>(ways.size());
  for (std::size_t i = 0; i < ways.size(); ++i) {
    stem.up[i] = ways[i].bundle;
    stem.down[ways.size() - 1 - i] = opposite(ways[i].bundle);
  }
  return stem;
}

RouteStems Fabric::Impl::find_stems(Plane plane) const {
  RouteStems stems;
  std::map<StemKey, std::int32_t> sorts;
  for (std::int64_t i = 0; i < std::ssize(devices); ++i) {
    RouteStem& stem = stems.of.emplace_back(stem_of(DeviceId(i), plane));
    StemKey key;
    for (int hop = 0; hop < stem.count; ++hop) {
      const BundleId id = stem.up[static_cast<std::size_t>(hop)];
      const bool last = hop + 1 == stem.count;
      const int tier = last ? bundle_ends[static_cast<std::size_t>(id.index)].second : -1;
      key.emplace_back(tier, bundle(id).latency.value(), bundle(id).plane, bundle(id).links);
    }
    stem.sort = sorts.try_emplace(std::move(key), static_cast<std::int32_t>(sorts.size())).first->second;
  }
  stems.sorts = static_cast<std::int32_t>(sorts.size());
  if (stems.sorts <= kMostInTable) stems.table.resize(sorts.size() * sorts.size());
  return stems;
}

RouteStems& Fabric::Impl::stems_of(Plane plane) const {
  std::optional<RouteStems>& known = plane == Plane::kScaleUp ? stems_up : stems_out;
  if (!known) known = find_stems(plane);
  return *known;
}

RouteMiddle Fabric::Impl::find_middle(Plane plane, DeviceId from, DeviceId to, int out, int in) const {
  const Route route = search_route(plane, from, to, false);
  RouteMiddle middle{{}, route.latency, route.plane, route.bundles.empty() ? 0 : route.paths};
  if (middle.paths > 0) middle.bundles.assign(route.bundles.begin() + out, route.bundles.end() - in);
  return middle;
}

const RouteMiddle& Fabric::Impl::middle_of(Plane plane, DeviceId from, DeviceId to) const {
  RouteStems& stems = stems_of(plane);
  const RouteStem &a = stems.of[static_cast<std::size_t>(from.index)],
                  &b = stems.of[static_cast<std::size_t>(to.index)];
  const auto cell =
      static_cast<std::size_t>(a.sort) * static_cast<std::size_t>(stems.sorts) + static_cast<std::size_t>(b.sort);
  if (!stems.table.empty() && stems.table[cell]) return *stems.table[cell];
  const auto [entry, fresh] = stems.middles.try_emplace(cell);
  if (fresh) entry->second = find_middle(plane, from, to, a.count, b.count);
  if (!stems.table.empty()) stems.table[cell] = &entry->second;
  return entry->second;
}

// No bundles when the structure gives no route.
RouteView Fabric::Impl::stem_route(Plane plane, DeviceId from, DeviceId to) const {
  if (degraded || !grid.empty() || plane == Plane::kLocal || (pxn && plane == Plane::kScaleOut)) return {};
  const std::vector<RouteStem>& stems = stems_of(plane).of;
  const RouteStem &a = stems[static_cast<std::size_t>(from.index)], &b = stems[static_cast<std::size_t>(to.index)];
  if (!a.apart(b)) return {};
  const RouteMiddle& middle = middle_of(plane, from, to);
  if (middle.paths == 0) return {};
  const std::span out(a.up.data(), static_cast<std::size_t>(a.count)),
      in(b.down.data(), static_cast<std::size_t>(b.count));
  return {{out, middle.bundles, in}, middle.latency, middle.plane, middle.paths};
}

}  // namespace supernode
