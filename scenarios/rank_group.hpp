#pragma once
// Which devices of a cluster form the group of a collective. Devices are numbered chip by chip, node by node.

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "topology/system_spec.hpp"

namespace supernode {

struct RankGroup {
  std::int64_t ranks = 0;     // 0: every device that the other fields name
  std::int64_t stride = 1;    // every so-manieth device: 8 is a data-parallel group beside tensor parallelism of 8
  std::int64_t per_node = 0;  // the first so many of each node; 0: node borders do not matter
  bool spread = false;        // evenly over the whole cluster, first to last
};

// The fewest devices, counted from the first, that hold the group; 0 when it takes whatever there is.
std::int64_t devices_needed(const RankGroup& group, const SystemSpec& system);

// In rank order. Throws std::invalid_argument, saying what would do, when there are too few of `devices` or the fields
// contradict one another.
std::vector<DeviceId> group_devices(const RankGroup& group, const SystemSpec& system, std::int64_t devices);

// The group and its siblings, which together fill the cluster as the groups of a training job do: shifted by a device
// up to the stride, by whole groups beyond it; with so many a node, by those. A spread group has none.
std::vector<std::vector<DeviceId>> sibling_groups(const RankGroup& group, const SystemSpec& system,
                                                  std::int64_t devices);

}  // namespace supernode
