#pragma once
// What part of a shared bundle a group may use while every device under it runs a sibling group of the same collective.

#include <array>
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
  // A level of packaging: chip, node or supernode. Devices are numbered along it, so a place is a run of them.
  struct Run {
    DeviceId first, last;
    std::size_t size() const { return static_cast<std::size_t>(last.index - first.index) + 1; }
  };
  struct Level {
    int DevicePlace::*place;
    std::map<int, std::int64_t> members;  // by place
    mutable std::map<int, Run> runs;      // by place, those asked for
  };
  // A part of the scale-out plane: a leaf of a rail, a rail of a pod, a pod, a rail. Devices of many nodes.
  struct Part {
    std::size_t size = 0;
    std::int64_t members = 0;
    DeviceId first, last;
  };
  static constexpr std::size_t kPartKinds = 4;

  const Run& run_of(const Level& level, DeviceId device) const;
  std::int64_t members_below(BundleId bundle, DeviceId from, DeviceId to, bool up) const;
  const Part* part_below(BundleId bundle, DeviceId below, DeviceId far, bool up) const;
  std::array<std::size_t, kPartKinds> parts_of(DeviceId device) const;
  void index_parts() const;
  bool crosses(BundleId bundle, DeviceId below, DeviceId far, bool up) const;

  const Fabric& fabric_;
  const std::vector<DeviceId>& members_;
  std::vector<Level> levels_;
  mutable std::array<std::vector<Part>, kPartKinds> parts_;  // by kind and number; made when first needed
  mutable std::size_t leaves_ = 0, pods_ = 0;                // of a rail, numbered over the whole cluster
};

}  // namespace supernode
