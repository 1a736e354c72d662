// Shortest routes over the quotient graph of tiers: two breadth-first waves, one from each end, that meet in the
// middle, turn by turn. In a folded Clos each wave climbs a few tiers only, whatever the size of the cluster.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <stdexcept>

#include "topology/fabric_impl.hpp"
#include "topology/fault_spec.hpp"

namespace supernode {

namespace {

Route copied(const RouteView& view) {
  Route route{{}, view.latency, view.plane, view.paths};
  route.bundles.reserve(view.size());
  for (const std::span<const BundleId> part : view.parts)
    route.bundles.insert(route.bundles.end(), part.begin(), part.end());
  return route;
}

}  // namespace

const TierEdge* Fabric::Impl::direct_link(int from, int to, Plane plane) const {
  for (const TierEdge& edge : tiers[from].edges) {
    if (edge.to == to && usable(bundle(edge.bundle).plane, plane) && alive(edge.bundle)) return &edge;
  }
  return nullptr;
}

bool Fabric::Impl::forwards(const TierWave& wave, int tier) const {
  return !tiers[tier].endpoint() || (wave.relays && tiers[tier].kind == VertexKind::kDevice);
}

void Fabric::Impl::start(TierWave& wave, int tier, bool relays) const {
  wave.depth = 0;
  wave.relays = relays;
  wave.frontier.assign(1, tier);
  wave.reached[tier] = {.stamp = stamp, .depth = 0, .previous = -1, .via = {}, .latency = 0, .paths = 1};
}

// Notes that `to` can be reached from `from`; keeps the fastest of the ways with fewest hops. Every vertex of `to` has
// links / size ways in, so `paths` counts the paths to one of them.
void Fabric::Impl::reach(TierWave& wave, int from, int to, BundleId via, bool backwards) const {
  TierWave::Reached& entry = wave.reached[to];
  const TierWave::Reached& before = wave.reached[from];
  const Bundle& link = bundle(via);
  const double latency = before.latency + link.latency.value();
  const std::int64_t paths = before.paths * (link.links / tiers[to].size);
  const bool fresh = entry.stamp != stamp;
  if (!fresh && entry.depth != before.depth + 1) return;
  if (fresh) wave.next.push_back(to);
  if (fresh || latency < entry.latency) {
    entry = {stamp, before.depth + 1, from, backwards ? opposite(via) : via, latency, paths};
  } else if (latency == entry.latency) {
    entry.paths += paths;
  }
}

void Fabric::Impl::expand(TierWave& wave, Plane plane, bool backwards) const {
  wave.next.clear();
  for (const int tier : wave.frontier) {
    for (const TierEdge& edge : tiers[tier].edges) {
      if (!forwards(wave, edge.to) || !usable(bundle(edge.bundle).plane, plane) || !alive(edge.bundle)) continue;
      reach(wave, tier, edge.to, edge.bundle, backwards);
    }
  }
  std::swap(wave.frontier, wave.next);
  ++wave.depth;
}

// The route through the tiers that both waves have just reached; no bundles when they have not met.
Route Fabric::Impl::meet(int from, int to) const {
  int middle = -1;
  double best = 0;
  std::int64_t paths = 0;
  for (const int tier : forward.frontier) {
    const TierWave::Reached& a = forward.reached[tier];
    const TierWave::Reached& b = backward.reached[tier];
    if (b.stamp != stamp) continue;
    const double latency = a.latency + b.latency;
    if (middle < 0 || latency < best) {
      middle = tier;
      best = latency;
      paths = 0;
    }
    if (latency == best) paths += a.paths * b.paths * tiers[tier].size;
  }
  Route route;
  if (middle < 0) return route;
  for (int tier = middle; tier != from; tier = forward.reached[tier].previous) {
    route.bundles.push_back(forward.reached[tier].via);
  }
  std::reverse(route.bundles.begin(), route.bundles.end());
  for (int tier = middle; tier != to; tier = backward.reached[tier].previous) {
    route.bundles.push_back(backward.reached[tier].via);
  }
  route.paths = paths;
  return route;
}

Route Fabric::Impl::search_route(Plane plane, DeviceId from, DeviceId to, bool relays) const {
  assert(sealed && from != to);
  const int a = tier_of(from), b = tier_of(to);
  Route route;
  if (const TierEdge* direct = direct_link(a, b, plane)) {
    route.bundles = {direct->bundle};
    route.paths = bundle(direct->bundle).links;
  } else {
    ++stamp;
    start(forward, a, relays);
    start(backward, b, relays);
    while (route.bundles.empty() && !forward.frontier.empty() && !backward.frontier.empty()) {
      const bool climb = forward.depth <= backward.depth;
      expand(climb ? forward : backward, plane, !climb);
      route = meet(a, b);
    }
  }
  if (degraded && !route.bundles.empty()) drop_if_cut(route);
  route.plane = Plane::kLocal;
  for (const BundleId id : route.bundles) {
    route.latency += bundle(id).latency;
    route.plane = std::max(route.plane, bundle(id).plane);
  }
  return route;
}

// Every bundle may be alive and yet no vertex be left that leads through: sub-planes never meet.
void Fabric::Impl::drop_if_cut(Route& route) const {
  if (!lanes->degraded(route.bundles)) return;
  const LaneFlow& flow = lanes->flow(route.bundles);
  route.paths = flow.paths;
  if (flow.capacity <= 0) route = {};
}

Plane Fabric::Impl::route_plane(DeviceId from, DeviceId to) const {
  if (direct_link(tier_of(from), tier_of(to), Plane::kLocal)) return Plane::kLocal;
  const bool together = places[from.index].supernode == places[to.index].supernode;
  return together ? Plane::kScaleUp : Plane::kScaleOut;
}

const Route& Fabric::route(DeviceId from, DeviceId to) const {
  const std::uint64_t key = (static_cast<std::uint64_t>(from.index) << 32) | static_cast<std::uint64_t>(to.index);
  if (const auto known = impl_->routes.find(key); known != impl_->routes.end()) return known->second;
  const Plane plane = impl_->route_plane(from, to);
  Route route = plane == Plane::kScaleOut ? impl_->pxn_route(from, to) : Route{};
  if (route.bundles.empty()) route = copied(impl_->stem_route(plane, from, to));
  if (route.bundles.empty()) route = impl_->find_route(plane, from, to);
  if (route.bundles.empty() && impl_->degraded) route = impl_->detour(from, to);
  assert((impl_->degraded || !route.bundles.empty()) && "devices are not connected");
  if (route.bundles.empty()) throw FaultError(impl_->not_connected(from, to));
  return impl_->routes.emplace(key, std::move(route)).first->second;
}

RouteView Fabric::route_view(DeviceId from, DeviceId to) const {
  if (const RouteView view = impl_->stem_route(impl_->route_plane(from, to), from, to); view.size() > 0) return view;
  const Route& whole = route(from, to);
  return {{whole.bundles, {}, {}}, whole.latency, whole.plane, whole.paths};
}

std::string Fabric::Impl::not_connected(DeviceId from, DeviceId to) const {
  return fmt::format("{} and {} are not connected: the faults leave no way over the scale-up or the scale-out plane",
                     graph[devices[from.index].index].name, graph[devices[to.index].index].name);
}

Route Fabric::route_over(Plane plane, DeviceId from, DeviceId to) const {
  Route route = impl_->find_route(plane, from, to);
  if (route.bundles.empty()) {
    throw std::runtime_error(fmt::format("no route over {} from {} to {}", to_string(plane),
                                         impl_->graph[vertex(from).index].name, impl_->graph[vertex(to).index].name));
  }
  return route;
}

}  // namespace supernode
