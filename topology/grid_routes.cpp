// Dimension-order routing over a grid of devices: one coordinate after the other, on a ring the shorter way round.
#include <algorithm>
#include <cassert>

#include "topology/fabric_impl.hpp"

namespace supernode {

namespace {

// The next coordinate on the way from `at` to `to` along one dimension. Half-way round an even ring both ways are as
// long: devices at even coordinates of the start go up, the others down, so that both directions are used.
std::int64_t next_coordinate(const GridDimension& dimension, std::int64_t start, std::int64_t at, std::int64_t to) {
  if (!dimension.ring) return to;
  const std::int64_t size = dimension.size;
  const std::int64_t up = (to - start + size) % size;
  const bool ascending = 2 * up < size || (2 * up == size && start % 2 == 0);
  return (at + (ascending ? 1 : size - 1)) % size;
}

bool reaches_switches(const std::vector<FabricTier>& tiers, const FabricTier& device) {
  return std::ranges::any_of(device.edges,
                             [&](const TierEdge& edge) { return tiers[edge.to].kind == VertexKind::kSwitch; });
}

}  // namespace

bool Fabric::Impl::same_block(DeviceId a, DeviceId b) const {
  return !grid.empty() && a.index / grid.size() == b.index / grid.size();
}

std::vector<DeviceId> Fabric::Impl::dimension_order(DeviceId from, DeviceId to) const {
  assert(same_block(from, to));
  std::vector<DeviceId> passed{from};
  std::int64_t stride = 1, at = from.index;
  for (const GridDimension& dimension : grid.dimensions) {
    const std::int64_t start = at / stride % dimension.size, end = to.index / stride % dimension.size;
    for (std::int64_t x = start; x != end;) {
      const std::int64_t next = next_coordinate(dimension, start, x, end);
      at += (next - x) * stride;
      passed.push_back(DeviceId(at));
      x = next;
    }
    stride *= dimension.size;
  }
  return passed;
}

Route Fabric::Impl::grid_route(DeviceId from, DeviceId to) const {
  Route route;
  const std::vector<DeviceId> passed = dimension_order(from, to);
  for (std::size_t i = 1; i < passed.size(); ++i) {
    const TierEdge* link = direct_link(tier_of(passed[i - 1]), tier_of(passed[i]), Plane::kScaleUp);
    if (!link || bundle(link->bundle).bandwidth <= BytesPerSecond(0)) return {};
    route.bundles.push_back(link->bundle);
    route.paths *= bundle(link->bundle).links;
    route.latency += bundle(link->bundle).latency;
    route.plane = std::max(route.plane, bundle(link->bundle).plane);
  }
  return route;
}

// Inside a block dimension-order, unless switches above the grid make a shorter way (two hops at least). Devices help
// around dead links only: with all links alive no shortest way to another block leads over a third device.
Route Fabric::Impl::find_route(Plane plane, DeviceId from, DeviceId to) const {
  if (plane != Plane::kScaleUp || grid.empty()) return search_route(plane, from, to, false);
  Route best = same_block(from, to) ? grid_route(from, to) : Route{};
  const bool settled = !best.bundles.empty() && best.bundles.size() <= 2;
  if (!settled && reaches_switches(tiers, tiers[tier_of(from)])) {
    Route switched = search_route(plane, from, to, false);
    const bool shorter = best.bundles.empty() || switched.bundles.size() < best.bundles.size();
    if (!switched.bundles.empty() && shorter) best = std::move(switched);
  }
  return best.bundles.empty() ? search_route(plane, from, to, true) : best;
}

}  // namespace supernode
