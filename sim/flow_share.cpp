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
  const Route& route = up ? fabric_.route(below, far) : fabric_.route(far, below);
  return std::ranges::find(route.bundles, bundle) != route.bundles.end();
}

// When as many devices as stand below the bundle are packed into one chip, node or supernode and the last of them does
// cross it, the devices below are those. Otherwise (a leaf switch of one rail) each member is tried.
std::int64_t SiblingShare::members_below(BundleId bundle, DeviceId from, DeviceId to, bool up) const {
  const DeviceId below = up ? from : to, far = up ? to : from;
  const auto devices = static_cast<std::size_t>(fabric_.bundle(bundle).devices_below);
  for (const Level& level : levels_) {
    const Run& all = run_of(level, below);
    const DeviceId probe = all.last == below ? all.first : all.last;
    if (all.size() == devices && crosses(bundle, probe, far, up))
      return level.members.at(fabric_.place(below).*level.place);
  }
  return std::ranges::count_if(members_, [&](DeviceId m) { return m == below || crosses(bundle, m, far, up); });
}

}  // namespace supernode
