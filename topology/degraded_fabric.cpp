// What a fabric with faults knows beyond its bundles: live links vertex by vertex, who forwards for a device that is
// cut off, and which devices are hit alike.
#include <algorithm>
#include <map>
#include <set>

#include "base/hash.hpp"
#include "topology/fabric_impl.hpp"

namespace supernode {

void Fabric::Impl::build_lanes() {
  std::vector<int> position(boost::num_vertices(graph)), filled(tiers.size(), 0);
  for (std::size_t vertex = 0; vertex < position.size(); ++vertex) position[vertex] = filled[graph[vertex].tier]++;
  std::vector<LaneClass> live(bundles.size());
  for (std::size_t i = 0; i < bundles.size(); ++i) {
    live[i].from_size = tiers[bundle_ends[i].first].size;
    live[i].to_size = tiers[bundle_ends[i].second].size;
  }
  for (const auto& edge : links) {
    const FabricLink& link = graph[edge];
    LaneClass& there = live[static_cast<std::size_t>(link.forward.index)];
    LaneClass& back = live[static_cast<std::size_t>(link.backward.index)];
    if (link.share < 1) there.degraded = back.degraded = true;
    if (link.share <= 0) continue;
    const double bandwidth = link.spec.bandwidth.value() * link.share;
    there.lanes.push_back({position[link.from], position[link.to], bandwidth, 1});
    back.lanes.push_back({position[link.to], position[link.from], bandwidth, 1});
  }
  lanes.emplace(bundles.size());
  for (std::size_t i = 0; i < bundles.size(); ++i)
    lanes->add(BundleId(static_cast<std::int64_t>(i)), std::move(live[i]));
}

std::vector<DeviceId> Fabric::Impl::siblings(DeviceId device) const {
  std::vector<DeviceId> found;
  const auto same_chip = [&](std::int64_t i) {
    return i >= 0 && i < std::ssize(places) && places[i].chip == places[device.index].chip;
  };
  std::int64_t first = device.index;
  while (same_chip(first - 1)) --first;
  for (std::int64_t i = first; same_chip(i); ++i) {
    const bool other = i != device.index && direct_link(tier_of(device), tier_of(DeviceId(i)), Plane::kLocal);
    if (other) found.push_back(DeviceId(i));
  }
  return found;
}

// Has a live link into the plane, or to a NIC that has one.
bool Fabric::Impl::attached(DeviceId device, Plane plane) const {
  const auto alive = [&](const TierEdge& edge) { return bundle(edge.bundle).bandwidth > BytesPerSecond(0); };
  for (const TierEdge& edge : tiers[tier_of(device)].edges) {
    if (!alive(edge)) continue;
    if (bundle(edge.bundle).plane == plane) return true;
    const FabricTier& far = tiers[edge.to];
    if (plane == Plane::kScaleUp || far.kind != VertexKind::kNic) continue;
    const auto wire = [&](const TierEdge& e) { return alive(e) && bundle(e.bundle).plane == plane; };
    if (std::ranges::any_of(far.edges, wire)) return true;
  }
  return false;
}

// The device itself; its chip's other dies; out of the supernode also the other chips of the node that the scale-up
// plane leads to, counted upwards, the same die of each.
std::vector<DeviceId> Fabric::Impl::ways_into(DeviceId device, Plane plane) const {
  std::vector<DeviceId> ways;
  const auto try_one = [&](DeviceId other) {
    if (attached(other, plane)) ways.push_back(other);
  };
  try_one(device);
  for (const DeviceId sibling : siblings(device)) try_one(sibling);
  if (plane != Plane::kScaleOut) return ways;
  const auto here = [&](std::int64_t i, auto place) {
    return i >= 0 && i < std::ssize(places) && places[i].*place == places[device.index].*place;
  };
  std::int64_t first = device.index, size = 0, dies = 0;
  while (here(first - 1, &DevicePlace::node)) --first;
  for (; here(first + size, &DevicePlace::node); ++size) dies += here(first + size, &DevicePlace::chip) ? 1 : 0;
  for (std::int64_t step = dies; step < size; step += dies) {
    const DeviceId other(first + (device.index - first + step) % size);
    if (!inside_route(device, other).bundles.empty()) try_one(other);
  }
  return ways;
}

DeviceId Fabric::Impl::find_relay(DeviceId device, Plane plane) const {
  if (attached(device, plane)) return device;
  const std::vector<DeviceId> ways = ways_into(device, plane);
  return ways.empty() ? DeviceId() : ways.front();
}

void Fabric::Impl::choose_relays() {
  for (const Plane plane : {Plane::kScaleUp, Plane::kScaleOut}) {
    std::vector<DeviceId> chosen;
    std::vector<int>& count = users[plane];
    count.assign(devices.size(), 0);
    for (std::int64_t i = 0; i < std::ssize(devices); ++i) {
      chosen.push_back(find_relay(DeviceId(i), plane));
      if (chosen.back().valid()) ++count[static_cast<std::size_t>(chosen.back().index)];
    }
    relays[plane] = std::move(chosen);
  }
}

DeviceId Fabric::Impl::relay_of(DeviceId device, Plane plane) const {
  const auto found = relays.find(plane);
  return found == relays.end() ? device : found->second[static_cast<std::size_t>(device.index)];
}

std::int64_t Fabric::Impl::relayed_by(DeviceId device, Plane plane) const {
  const auto found = users.find(plane);
  return found == users.end() ? 1 : std::max(1, found->second[static_cast<std::size_t>(device.index)]);
}

// What is degraded on the way up from a tier, and in the ports of the devices right below it; 0 where nothing is.
// Routes climb and descend by such links alone, so devices with equal marks see equal faults.
class Fabric::Impl::FaultMarks {
 public:
  FaultMarks(const Impl& fabric, Plane plane)
      : fabric_(fabric),
        plane_(plane),
        level_(fabric.levels(plane)),
        known_(fabric.tiers.size(), -1),
        marks_(fabric.tiers.size(), 0) {}

  std::uint64_t of(int tier) {
    if (known_[static_cast<std::size_t>(tier)] >= 0) return marks_[static_cast<std::size_t>(tier)];
    known_[static_cast<std::size_t>(tier)] = 1;
    std::multiset<std::uint64_t> parts;
    for (const TierEdge& edge : fabric_.tiers[tier].edges) {
      if (const std::uint64_t part = part_of(tier, edge)) parts.insert(part);
    }
    std::uint64_t mark = parts.empty() ? 0 : fnv1a("faults");
    for (const std::uint64_t part : parts) mark = fnv1a_of(part, mark);
    return marks_[static_cast<std::size_t>(tier)] = mark;
  }

 private:
  std::uint64_t part_of(int tier, const TierEdge& edge) {
    if (!usable(fabric_.bundle(edge.bundle).plane, plane_)) return 0;
    const bool up = level_[edge.to] == level_[tier] + 1;
    const bool port = fabric_.tiers[edge.to].kind == VertexKind::kDevice && level_[tier] > 0;
    if (!up && !port) return 0;
    const bool own = fabric_.lanes->of(edge.bundle).degraded;
    const std::uint64_t beyond = up ? of(edge.to) : 0;
    if (!own && beyond == 0) return 0;
    return fnv1a_of(beyond, fnv1a_of(fabric_.lanes->class_of(edge.bundle), fnv1a("link")));
  }

  const Impl& fabric_;
  Plane plane_;
  std::vector<int> level_;
  std::vector<int> known_;
  std::vector<std::uint64_t> marks_;
};

// Devices whose direct links to one another are degraded are like no others: theirs have a colour each.
std::set<int> Fabric::Impl::places_apart(int DevicePlace::*place) const {
  std::set<int> apart;
  for (std::int64_t i = 0; i < std::ssize(devices); ++i) {
    for (const TierEdge& edge : tiers[tier_of(DeviceId(i))].edges) {
      const bool direct = tiers[edge.to].kind == VertexKind::kDevice;
      if (direct && lanes->of(edge.bundle).degraded) apart.insert(places[i].*place);
    }
  }
  return apart;
}

void Fabric::Impl::colour_devices() {
  const auto place = grid.empty() ? &DevicePlace::node : &DevicePlace::supernode;
  const std::set<int> apart = places_apart(place);
  FaultMarks up(*this, Plane::kScaleUp), out(*this, Plane::kScaleOut);
  std::vector<std::uint64_t> own;
  for (std::int64_t i = 0; i < std::ssize(devices); ++i) {
    const std::uint64_t a = up.of(tier_of(DeviceId(i))), b = out.of(tier_of(DeviceId(i)));
    own.push_back(a == 0 && b == 0 ? 0 : fnv1a_of(b, fnv1a_of(a, fnv1a("device"))));
  }
  std::map<std::uint64_t, std::int32_t> numbers{{0, 0}};
  for (std::int64_t i = 0; i < std::ssize(devices); ++i) {
    std::uint64_t mark = own[i];
    if (mark != 0) {
      for (const DeviceId sibling : siblings(DeviceId(i))) mark = fnv1a_of(own[sibling.index], mark);
      const DeviceId relay = relay_of(DeviceId(i), Plane::kScaleOut);
      if (relay.valid()) mark = fnv1a_of(relay.index - i, fnv1a_of(own[relay.index], mark));
    }
    const bool alone = apart.contains(places[i].*place);
    const auto next = static_cast<std::int32_t>(numbers.size());
    colours.push_back(alone ? static_cast<std::int32_t>(-1 - i) : numbers.try_emplace(mark, next).first->second);
  }
}

void Fabric::note_fault(std::string note) { impl_->fault_notes.push_back(std::move(note)); }
const std::vector<std::string>& Fabric::fault_notes() const { return impl_->fault_notes; }
bool Fabric::degraded() const { return impl_->degraded; }

std::int32_t Fabric::fault_colour(DeviceId device) const {
  return impl_->colours.empty() ? 0 : impl_->colours[static_cast<std::size_t>(device.index)];
}

}  // namespace supernode
