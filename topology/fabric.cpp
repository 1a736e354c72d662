// Building a fabric and asking about its parts; bundles and routes have sources of their own.
#include "topology/fabric.hpp"

#include <fmt/format.h>

#include <cassert>
#include <set>

#include "base/hash.hpp"
#include "base/serialize.hpp"
#include "topology/fabric_impl.hpp"

namespace supernode {

std::string_view to_string(VertexKind kind) {
  switch (kind) {
    case VertexKind::kDevice:
      return "device";
    case VertexKind::kCpu:
      return "cpu";
    case VertexKind::kNic:
      return "nic";
    case VertexKind::kSwitch:
      return "switch";
  }
  assert(false);
  return "";
}

std::string_view to_string(Medium medium) {
  switch (medium) {
    case Medium::kOnPackage:
      return "on_package";
    case Medium::kCopper:
      return "copper";
    case Medium::kOptical:
      return "optical";
  }
  assert(false);
  return "";
}

std::string_view to_string(Plane plane) {
  switch (plane) {
    case Plane::kLocal:
      return "local";
    case Plane::kScaleUp:
      return "scale_up";
    case Plane::kScaleOut:
      return "scale_out";
    case Plane::kVpc:
      return "vpc";
  }
  assert(false);
  return "";
}

Fabric::Fabric() : impl_(std::make_unique<Impl>()) {}
Fabric::~Fabric() = default;
Fabric::Fabric(Fabric&&) noexcept = default;
Fabric& Fabric::operator=(Fabric&&) noexcept = default;

int Fabric::Impl::intern_tier(VertexKind kind, const std::string& name) {
  const auto [entry, added] = tier_index.try_emplace(name, static_cast<int>(tiers.size()));
  if (added) tiers.push_back({.name = name, .kind = kind, .size = 0, .edges = {}});
  FabricTier& tier = tiers[entry->second];
  assert(tier.kind == kind && "a tier mixes kinds of vertices");
  ++tier.size;
  return entry->second;
}

VertexId Fabric::add_vertex(VertexKind kind, std::string name, std::string tier) {
  assert(!impl_->sealed);
  const int index = impl_->intern_tier(kind, tier);
  return VertexId(
      static_cast<std::int64_t>(boost::add_vertex(FabricVertex{kind, index, std::move(name)}, impl_->graph)));
}

DeviceId Fabric::add_device(std::string name, DevicePlace place) {
  const std::string tier = name;
  const VertexId vertex = add_vertex(VertexKind::kDevice, std::move(name), tier);
  assert(impl_->tiers[impl_->tier_of(vertex)].size == 1 && "a device is alone in its tier");
  impl_->devices.push_back(vertex);
  impl_->places.push_back(place);
  return DeviceId(static_cast<std::int64_t>(impl_->devices.size()) - 1);
}

LinkId Fabric::connect(VertexId a, VertexId b, const LinkSpec& spec) {
  assert(!impl_->sealed);
  assert(spec.bandwidth > BytesPerSecond(0) && spec.latency >= Seconds(0));
  const LinkId id(static_cast<std::int64_t>(impl_->links.size()));
  const FabricLink link{
      .spec = spec, .share = 1, .from = a.index, .to = b.index, .forward = {}, .backward = {}, .id = id};
  impl_->links.push_back(boost::add_edge(a.index, b.index, link, impl_->graph).first);
  return id;
}

void Fabric::set_share(LinkId link, double share) {
  assert(!impl_->sealed && share >= 0 && share <= 1);
  impl_->graph[impl_->links[link.index]].share = share;
  if (share < 1) impl_->degraded = true;
}

void Fabric::set_grid(const Grid& grid) { impl_->grid = grid; }
void Fabric::set_hashing(Plane plane, const Hashing& hashing) { impl_->hashing[plane] = hashing; }
void Fabric::set_pxn(bool on) { impl_->pxn = on; }

VertexId Fabric::vertex(DeviceId device) const { return impl_->devices[device.index]; }

void Fabric::seal() {
  assert(!impl_->sealed);
  impl_->build_bundles();
  impl_->check_uniform();
  impl_->forward.reached.resize(impl_->tiers.size());
  impl_->backward.reached.resize(impl_->tiers.size());
  impl_->sealed = true;
  if (impl_->degraded) {
    impl_->build_lanes();
    impl_->choose_relays();
    impl_->colour_devices();
  }
  impl_->count_devices_below();
}

std::int64_t Fabric::device_count() const { return static_cast<std::int64_t>(impl_->devices.size()); }
std::int64_t Fabric::vertex_count() const { return static_cast<std::int64_t>(boost::num_vertices(impl_->graph)); }
std::int64_t Fabric::link_count() const { return static_cast<std::int64_t>(boost::num_edges(impl_->graph)); }
void Fabric::set_scale_out_place(DeviceId device, int rail, int leaf, int pod) {
  DevicePlace& place = impl_->places[static_cast<std::size_t>(device.index)];
  place.rail = rail, place.leaf = leaf, place.pod = pod;
}

const DevicePlace& Fabric::place(DeviceId device) const { return impl_->places[device.index]; }
const Bundle& Fabric::bundle(BundleId id) const { return impl_->bundle(id); }
const Grid& Fabric::grid() const { return impl_->grid; }
bool Fabric::pxn() const { return impl_->pxn; }

std::string Fabric::bundle_name(BundleId id) const {
  const auto [from, to] = impl_->bundle_ends[static_cast<std::size_t>(id.index)];
  return impl_->tiers[from].name + " > " + impl_->tiers[to].name;
}

VertexView Fabric::vertex_view(VertexId vertex) const {
  const FabricVertex& found = impl_->graph[vertex.index];
  return {found.kind, found.name, impl_->tiers[found.tier].name};
}

LinkView Fabric::link(LinkId link) const {
  const FabricLink& found = impl_->graph[impl_->links[link.index]];
  return {VertexId(found.from), VertexId(found.to), found.spec, found.share, found.forward, found.backward};
}

const Hashing& Fabric::hashing(Plane plane) const {
  static const Hashing kSpray;
  const auto found = impl_->hashing.find(plane);
  return found == impl_->hashing.end() ? kSpray : found->second;
}

std::int64_t Fabric::bundle_count() const { return static_cast<std::int64_t>(impl_->bundles.size()); }

BytesPerSecond Fabric::port_bandwidth(DeviceId device, Plane plane) const {
  assert(impl_->sealed);
  const DeviceId port_owner = impl_->relay_of(device, plane);
  if (!port_owner.valid()) return {};
  BytesPerSecond total{};
  for (const TierEdge& own : impl_->tiers[impl_->tier_of(port_owner)].edges) {
    const Bundle& port = impl_->bundle(own.bundle);
    const FabricTier& far = impl_->tiers[own.to];
    if (port.bandwidth <= BytesPerSecond(0)) continue;
    if (far.kind == VertexKind::kNic) {
      for (const TierEdge& edge : far.edges) {
        const Bundle& wire = impl_->bundle(edge.bundle);
        if (wire.plane == plane && plane != Plane::kLocal) total += wire.bandwidth / wire.devices_below;
      }
    } else if (port.plane == plane) {
      total += port.bandwidth / static_cast<double>(impl_->relayed_by(port_owner, plane));
    }
  }
  return total;
}

Census Fabric::census() const {
  Census census;
  for (const FabricTier& tier : impl_->tiers) {
    std::string key(to_string(tier.kind));
    if (tier.kind == VertexKind::kSwitch) key += ":" + tier.name.substr(tier.name.rfind('.') + 1);
    census.vertices[key] += tier.size;
  }
  std::set<int> chips;
  for (const DevicePlace& place : impl_->places) chips.insert(place.chip);
  if (!chips.empty()) census.vertices["chip"] = static_cast<std::int64_t>(chips.size());
  for (const auto edge : boost::make_iterator_range(boost::edges(impl_->graph))) {
    const LinkSpec& spec = impl_->graph[edge].spec;
    ++census.links[fmt::format("{}/{}", to_string(spec.plane), to_string(spec.medium))];
  }
  return census;
}

std::uint64_t Fabric::fingerprint() const {
  ByteWriter bytes;
  for (const auto vertex : boost::make_iterator_range(boost::vertices(impl_->graph))) {
    bytes.put(impl_->graph[vertex].kind);
    bytes.put(impl_->graph[vertex].tier);
  }
  bytes.put(impl_->devices);
  bytes.put(impl_->places);
  for (const auto edge : boost::make_iterator_range(boost::edges(impl_->graph))) {
    const FabricLink& link = impl_->graph[edge];
    bytes.put(link.from);
    bytes.put(link.to);
    bytes.put(link.spec.bandwidth);
    bytes.put(link.spec.latency);
    bytes.put(link.spec.plane);
    bytes.put(link.share);
  }
  for (const GridDimension& dimension : impl_->grid.dimensions) {
    bytes.put(dimension.size);
    bytes.put(dimension.ring);
  }
  for (const auto& [plane, hashing] : impl_->hashing) {
    bytes.put(plane);
    bytes.put(hashing.ecmp);
    bytes.put(hashing.flows);
    bytes.put(hashing.seed);
  }
  bytes.put(impl_->pxn);
  return fnv1a(bytes.take());
}

}  // namespace supernode
