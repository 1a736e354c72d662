// PXN: towards another rail, data first goes over the scale-up plane to the node's device on that rail, then through
// its NIC and that rail's leaf switches, and never crosses from rail to rail (NCCL 2.12, "PXN: PCI x NVLink").
#include "topology/fabric_impl.hpp"

namespace supernode {

namespace {

// The device of the sender's node on the receiver's rail, the same die of its chip as the sender is; the sender when
// there is none.
DeviceId relay(const std::vector<DevicePlace>& places, DeviceId from, int rail) {
  const auto place = [&](std::int64_t i) -> const DevicePlace& { return places[static_cast<std::size_t>(i)]; };
  const int node = place(from.index).node;
  std::int64_t dies = 1;  // of a chip: devices are numbered chip by chip
  while (from.index + dies < std::ssize(places) && place(from.index + dies).chip == place(from.index).chip) ++dies;
  for (std::int64_t i = from.index; i > 0 && place(i - 1).chip == place(from.index).chip; --i) ++dies;
  const std::int64_t found = from.index + (rail - place(from.index).rail) * dies;
  const bool exists =
      found >= 0 && found < std::ssize(places) && place(found).node == node && place(found).rail == rail;
  return exists ? DeviceId(found) : from;
}

}  // namespace

Route Fabric::Impl::pxn_route(DeviceId from, DeviceId to) const {
  const DeviceId via = pxn ? relay(places, from, places[static_cast<std::size_t>(to.index)].rail) : from;
  if (via == from || via == to) return {};
  Route inside = find_route(Plane::kScaleUp, from, via);
  const Route outside = find_route(Plane::kScaleOut, via, to);
  if (inside.bundles.empty() || outside.bundles.empty()) return {};
  inside.bundles.insert(inside.bundles.end(), outside.bundles.begin(), outside.bundles.end());
  inside.latency += outside.latency;
  inside.plane = outside.plane;
  inside.paths *= outside.paths;
  return inside;
}

}  // namespace supernode
