#pragma once
// What part of a shared bundle a group may use while every device under it runs a sibling group of the same collective.

#include <cstdint>
#include <map>
#include <vector>

#include "base/ids.hpp"
#include "topology/fabric.hpp"

namespace supernode {

class SiblingShare {
 public:
  SiblingShare(const Fabric& fabric, const std::vector<DeviceId>& members);

  // Members below `bundle` over the devices below it, at most 1. `from` → `to` is one pair of members whose route
  // crosses the bundle, on its way up (first half of the route) or down.
  double of(BundleId bundle, DeviceId from, DeviceId to, bool up) const;

 private:
  using Devices = std::map<int, std::vector<DeviceId>>;  // by chip, node or supernode
  std::int64_t members_below(BundleId bundle, DeviceId from, DeviceId to, bool up) const;
  bool crosses(BundleId bundle, DeviceId below, DeviceId far, bool up) const;

  const Fabric& fabric_;
  const std::vector<DeviceId>& members_;
  // Each level of packaging: all devices of the fabric, and the members, by place.
  struct Level {
    int DevicePlace::*place;
    Devices all, members;
  };
  std::vector<Level> levels_;
};

}  // namespace supernode
