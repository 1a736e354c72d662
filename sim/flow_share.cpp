#include "sim/flow_share.hpp"

#include <algorithm>

namespace supernode {

SiblingShare::SiblingShare(const Fabric& fabric, const std::vector<DeviceId>& members)
    : fabric_(fabric), members_(members) {
  for (int DevicePlace::*place : {&DevicePlace::chip, &DevicePlace::node, &DevicePlace::supernode}) {
    Level level{place, {}, {}};
    for (const DeviceId member : members) ++level.members[fabric.place(member).*place];
    levels_.push_back(std::move(level));
  }
}

const SiblingShare::Run& SiblingShare::run_of(const Level& level, DeviceId device) const {
  const int place = fabric_.place(device).*level.place;
  const auto [found, fresh] = level.runs.try_emplace(place, Run{device, device});
  if (!fresh) return found->second;
  const auto here = [&](std::int64_t index) {
    return index >= 0 && index < fabric_.device_count() && fabric_.place(DeviceId(index)).*level.place == place;
  };
  Run& run = found->second;
  while (here(run.first.index - 1)) --run.first.index;
  while (here(run.last.index + 1)) ++run.last.index;
  return run;
}

double SiblingShare::of(BundleId bundle, DeviceId from, DeviceId to, bool up) const {
  const int devices = fabric_.bundle(bundle).devices_below;
  if (devices <= 1) return 1;
  return std::min(1.0, static_cast<double>(members_below(bundle, from, to, up)) / devices);
}

bool SiblingShare::crosses(BundleId bundle, DeviceId below, DeviceId far, bool up) const {
  if (below == far) return false;
  return (up ? fabric_.route_view(below, far) : fabric_.route_view(far, below)).crosses(bundle);
}

// The numbers of a leaf of a rail, a rail of a pod, a pod and a rail.
std::array<std::size_t, SiblingShare::kPartKinds> SiblingShare::parts_of(DeviceId device) const {
  const DevicePlace& place = fabric_.place(device);
  const auto rail = static_cast<std::size_t>(place.rail), leaf = static_cast<std::size_t>(place.leaf),
             pod = static_cast<std::size_t>(place.pod);
  return {rail * leaves_ + leaf, rail * pods_ + pod, pod, rail};
}

void SiblingShare::index_parts() const {
  int rails = 0, leaves = 0, pods = 0;
  for (std::int64_t i = 0; i < fabric_.device_count(); ++i) {
    const DevicePlace& place = fabric_.place(DeviceId(i));
    rails = std::max(rails, place.rail + 1);
    leaves = std::max(leaves, place.leaf + 1);
    pods = std::max(pods, place.pod + 1);
  }
  leaves_ = static_cast<std::size_t>(leaves), pods_ = static_cast<std::size_t>(pods);
  const auto all_rails = static_cast<std::size_t>(rails);
  const std::array<std::size_t, kPartKinds> sizes{all_rails * leaves_, all_rails * pods_, pods_, all_rails};
  for (std::size_t kind = 0; kind < kPartKinds; ++kind) parts_[kind].resize(sizes[kind]);
  for (std::int64_t i = 0; i < fabric_.device_count(); ++i) {
    const auto numbers = parts_of(DeviceId(i));
    for (std::size_t kind = 0; kind < kPartKinds; ++kind) {
      Part& part = parts_[kind][numbers[kind]];
      if (part.size++ == 0) part.first = DeviceId(i);
      part.last = DeviceId(i);
    }
  }
  for (const DeviceId member : members_) {
    const auto numbers = parts_of(member);
    for (std::size_t kind = 0; kind < kPartKinds; ++kind) ++parts_[kind][numbers[kind]].members;
  }
}

// The part of the scale-out plane that the bundle serves, or null.
const SiblingShare::Part* SiblingShare::part_below(BundleId bundle, DeviceId below, DeviceId far, bool up) const {
  if (parts_.front().empty()) index_parts();
  const auto devices = static_cast<std::size_t>(fabric_.bundle(bundle).devices_below);
  const auto numbers = parts_of(below);
  for (std::size_t kind = 0; kind < kPartKinds; ++kind) {
    const Part& part = parts_[kind][numbers[kind]];
    const DeviceId probe = part.last == below ? part.first : part.last;
    if (part.size == devices && crosses(bundle, probe, far, up)) return &part;
  }
  return nullptr;
}

// When as many devices as stand below the bundle are packed into one chip, node or supernode and the last of them does
// cross it, the devices below are those. So it is with a part of the scale-out plane (a leaf switch of one rail); for a
// small group it is cheaper to try each member, which also serves where nothing fits.
std::int64_t SiblingShare::members_below(BundleId bundle, DeviceId from, DeviceId to, bool up) const {
  const DeviceId below = up ? from : to, far = up ? to : from;
  const auto devices = static_cast<std::size_t>(fabric_.bundle(bundle).devices_below);
  for (const Level& level : levels_) {
    const Run& all = run_of(level, below);
    const DeviceId probe = all.last == below ? all.first : all.last;
    if (all.size() == devices && crosses(bundle, probe, far, up))
      return level.members.at(fabric_.place(below).*level.place);
  }
  constexpr std::size_t kSmallGroup = 64;
  if (members_.size() > kSmallGroup)
    if (const Part* part = part_below(bundle, below, far, up)) return part->members;
  return std::ranges::count_if(members_, [&](DeviceId m) { return m == below || crosses(bundle, m, far, up); });
}

}  // namespace supernode
