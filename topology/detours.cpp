// Routes around faults: through the sibling die of a chip, out of the scale-up plane over RDMA, through another chip's
// NIC.
#include <algorithm>

#include "topology/fabric_impl.hpp"

namespace supernode {

namespace {

// One route after the other; the first or the second may be no way at all because it ends where it begins.
Route joined(Route first, const Route& second) {
  first.bundles.insert(first.bundles.end(), second.bundles.begin(), second.bundles.end());
  first.latency += second.latency;
  first.plane = std::max(first.plane, second.plane);
  first.paths *= second.paths;
  return first;
}

Route nowhere() {
  Route route;
  route.plane = Plane::kLocal;
  return route;
}

}  // namespace

// Within a supernode: over the scale-up plane, from the device itself or a sibling to the other or a sibling of it;
// the fewer siblings help, the better.
Route Fabric::Impl::inside_route(DeviceId from, DeviceId to) const {
  if (Route direct = find_route(Plane::kScaleUp, from, to); !direct.bundles.empty()) return direct;
  std::vector<DeviceId> starts = siblings(from), ends = siblings(to);
  starts.insert(starts.begin(), from);
  ends.insert(ends.begin(), to);
  Route best;
  for (const DeviceId start : starts) {
    for (const DeviceId end : ends) {
      if (start == end || start == to || end == from) continue;
      const Route middle = find_route(Plane::kScaleUp, start, end);
      if (middle.bundles.empty()) continue;
      Route route = start == from ? nowhere() : find_route(Plane::kLocal, from, start);
      route = joined(std::move(route), middle);
      if (end != to) route = joined(std::move(route), find_route(Plane::kLocal, end, to));
      if (best.bundles.empty() || route.bundles.size() < best.bundles.size()) best = std::move(route);
    }
  }
  return best;
}

Route Fabric::Impl::outside_route(DeviceId from, DeviceId to, DeviceId out, DeviceId in) const {
  Route route = out == from ? nowhere() : inside_route(from, out);
  if (out != in) {
    const Route middle = find_route(Plane::kScaleOut, out, in);
    if (middle.bundles.empty()) return {};
    route = joined(std::move(route), middle);
  }
  return in == to ? route : joined(std::move(route), inside_route(in, to));
}

const std::vector<DeviceId>& Fabric::Impl::ways_out(DeviceId device) const {
  const auto known = ways_outside.find(device);
  if (known != ways_outside.end()) return known->second;
  return ways_outside.emplace(device, ways_into(device, Plane::kScaleOut)).first->second;
}

// Over the NICs of the two devices, or of those of their nodes that stand in for them.
Route Fabric::Impl::outside_route(DeviceId from, DeviceId to) const {
  for (const DeviceId out : ways_out(from)) {
    for (const DeviceId in : ways_out(to)) {
      Route route = outside_route(from, to, out, in);
      if (!route.bundles.empty()) return route;
    }
  }
  return {};
}

Route Fabric::Impl::detour(DeviceId from, DeviceId to) const {
  const bool together = places[from.index].supernode == places[to.index].supernode;
  Route route = together ? inside_route(from, to) : Route{};
  return route.bundles.empty() ? outside_route(from, to) : route;
}

}  // namespace supernode
