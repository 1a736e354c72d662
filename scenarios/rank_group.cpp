#include "scenarios/rank_group.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace supernode {

namespace {

// The device of a rank, over a cluster of `devices`.
std::int64_t device_of(std::int64_t rank, const RankGroup& group, const SystemSpec& system, std::int64_t devices) {
  if (group.spread) return rank * devices / group.ranks;
  if (group.per_node > 0) return rank / group.per_node * system.devices_per_node() + rank % group.per_node;
  return rank * group.stride;
}

std::int64_t ranks_of(const RankGroup& group, const SystemSpec& system, std::int64_t devices) {
  if (group.ranks > 0) return group.ranks;
  if (group.per_node > 0) return devices / system.devices_per_node() * group.per_node;
  return (devices + group.stride - 1) / group.stride;
}

void check(const RankGroup& group, const SystemSpec& system) {
  if ((group.stride > 1) + (group.per_node > 0) + group.spread > 1)
    throw std::invalid_argument("stride, per-node and a spread placement exclude one another");
  if (group.spread && group.ranks == 0) throw std::invalid_argument("a spread placement needs a number of ranks");
  if (group.per_node > system.devices_per_node())
    throw std::invalid_argument(
        fmt::format("a node of {} has {} ranks, not {}", system.name, system.devices_per_node(), group.per_node));
}

}  // namespace

std::int64_t devices_needed(const RankGroup& group, const SystemSpec& system) {
  if (group.ranks == 0) return 0;
  return group.spread ? group.ranks : device_of(group.ranks - 1, group, system, 0) + 1;
}

std::vector<DeviceId> group_devices(const RankGroup& group, const SystemSpec& system, std::int64_t devices) {
  check(group, system);
  const std::int64_t needed = devices_needed(group, system);
  if (needed > devices)
    throw std::invalid_argument(fmt::format("{} ranks need {} devices; {} has {}: {} chips would do", group.ranks,
                                            needed, system.name, devices,
                                            (needed + system.devices_per_chip - 1) / system.devices_per_chip));
  std::vector<DeviceId> members;
  const std::int64_t ranks = ranks_of(group, system, devices);
  for (std::int64_t rank = 0; rank < ranks; ++rank)
    members.push_back(DeviceId(device_of(rank, group, system, devices)));
  return members;
}

std::vector<std::vector<DeviceId>> sibling_groups(const RankGroup& group, const SystemSpec& system,
                                                  std::int64_t devices) {
  const std::vector<DeviceId> first = group_devices(group, system, devices);
  const auto ranks = static_cast<std::int64_t>(first.size());
  // Shifts inside of one block of devices, and how far the next block is.
  std::int64_t step = 1, inside = group.stride, block = ranks * group.stride;
  if (group.per_node > 0) {
    const std::int64_t node = system.devices_per_node();
    step = group.per_node, inside = node / group.per_node, block = (ranks + group.per_node - 1) / group.per_node * node;
  }
  if (group.spread) return {first};
  std::vector<std::vector<DeviceId>> groups;
  for (std::int64_t at = 0; at < devices; at += block) {
    for (std::int64_t i = 0; i < inside; ++i) {
      std::vector<DeviceId> members;
      for (const DeviceId d : first) members.push_back(DeviceId(d.index + at + i * step));
      if (members.back().index < devices) groups.push_back(std::move(members));
    }
  }
  return groups;
}

}  // namespace supernode
