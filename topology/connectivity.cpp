#include "topology/connectivity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "topology/fault_spec.hpp"

namespace supernode {

namespace {

// Union-find over vertices.
class Parts {
 public:
  explicit Parts(std::int64_t vertices) : parent_(static_cast<std::size_t>(vertices)) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }
  int of(VertexId vertex) {
    int root = vertex.index;
    while (parent_[static_cast<std::size_t>(root)] != root) {
      int& up = parent_[static_cast<std::size_t>(root)];
      root = up = parent_[static_cast<std::size_t>(up)];
    }
    return root;
  }
  void join(VertexId a, VertexId b) { parent_[static_cast<std::size_t>(of(a))] = of(b); }

 private:
  std::vector<int> parent_;
};

using Reach = std::set<int>;  // parts of a plane

bool meet(const Reach& a, const Reach& b) {
  return std::ranges::any_of(a, [&](int part) { return b.contains(part); });
}

class Connectivity {
 public:
  Connectivity(const Fabric& fabric, const std::vector<std::int64_t>& drained)
      : fabric_(fabric), drained_(drained), up_(fabric.vertex_count()), out_(fabric.vertex_count()) {
    device_at_.resize(static_cast<std::size_t>(fabric.vertex_count()));
    for (std::int64_t i = 0; i < fabric.device_count(); ++i)
      device_at_[static_cast<std::size_t>(fabric.vertex(DeviceId(i)).index)] = DeviceId(i);
    reach_up_.resize(static_cast<std::size_t>(fabric.device_count())), reach_out_.resize(reach_up_.size());
    for (std::int64_t i = 0; i < fabric.link_count(); ++i) links_.push_back(fabric.link(LinkId(i)));
    for (const LinkView& link : links_) join(link);
    for (const LinkView& link : links_) attach(link);
    for (const LinkView& link : links_) share_siblings(link);
    share_nodes();
  }

  void check() {
    check_dead_direct_links();
    check_supernodes();
    check_between_supernodes();
  }

 private:
  DeviceId device_at(VertexId vertex) const { return device_at_[static_cast<std::size_t>(vertex.index)]; }
  bool is_device(VertexId vertex) const { return device_at(vertex).valid(); }
  Reach& up(VertexId vertex) { return up(device_at(vertex)); }
  Reach& up(DeviceId device) { return reach_up_[static_cast<std::size_t>(device.index)]; }
  Reach& out(DeviceId device) { return reach_out_[static_cast<std::size_t>(device.index)]; }
  bool needed(DeviceId device) const { return !std::ranges::binary_search(drained_, fabric_.place(device).node); }

  // Whatever forwards is one part; on a grid devices do. Devices joined directly are as one: their dead links are
  // looked at one by one.
  void join(const LinkView& link) {
    if (link.share <= 0) return;
    const bool devices = is_device(link.a) && is_device(link.b);
    const bool forwards = (!is_device(link.a) && !is_device(link.b)) || devices || !fabric_.grid().empty();
    if (link.spec.plane == Plane::kScaleUp && forwards) up_.join(link.a, link.b);
    if (link.spec.plane == Plane::kScaleOut) out_.join(link.a, link.b);
  }

  void attach(const LinkView& link) {
    if (link.share <= 0) return;
    for (const auto& [device, far] : {std::pair(link.a, link.b), std::pair(link.b, link.a)}) {
      if (!is_device(device)) continue;
      const bool nic = fabric_.vertex_view(far).kind == VertexKind::kNic;
      if (link.spec.plane == Plane::kScaleUp) up(device).insert(up_.of(far));
      if (link.spec.plane == Plane::kLocal && nic) out(device_at(device)).insert(out_.of(far));
    }
  }

  // A live die-to-die link lets each of the two use what the other reaches.
  void share_siblings(const LinkView& link) {
    if (link.share <= 0 || link.spec.plane != Plane::kLocal || !is_device(link.a) || !is_device(link.b)) return;
    const Reach both = merged(up(link.a), up(link.b));
    up(link.a) = up(link.b) = both;
    Reach& a = out(device_at(link.a));
    Reach& b = out(device_at(link.b));
    a = b = merged(a, b);
  }

  static Reach merged(Reach a, const Reach& b) {
    a.insert(b.begin(), b.end());
    return a;
  }

  // The NICs of a node serve all its devices that reach one another; devices of equal reach are taken together.
  void share_nodes() {
    std::map<int, std::map<Reach, Reach>> own, shared;  // by node, by scale-up parts: the NICs' parts
    for (std::int64_t i = 0; i < fabric_.device_count(); ++i) {
      Reach& nics = own[fabric_.place(DeviceId(i)).node][up(DeviceId(i))];
      nics = merged(nics, out(DeviceId(i)));
    }
    for (const auto& [node, sorts] : own)
      for (const auto& [a, nics] : sorts)
        for (const auto& [b, others] : sorts)
          if (meet(a, b)) shared[node][a] = merged(shared[node][a], others);
    for (std::int64_t i = 0; i < fabric_.device_count(); ++i)
      out(DeviceId(i)) = merged(out(DeviceId(i)), shared[fabric_.place(DeviceId(i)).node][up(DeviceId(i))]);
  }

  [[noreturn]] void refuse(DeviceId a, DeviceId b) const {
    throw FaultError(fmt::format(
        "device{} and device{} are not connected: the faults leave no way over the scale-up or the scale-out plane",
        a.index, b.index));
  }

  void check_dead_direct_links() {
    if (!fabric_.grid().empty()) return;
    for (const LinkView& link : links_) {
      if (link.share > 0 || link.spec.plane != Plane::kScaleUp || !is_device(link.a) || !is_device(link.b)) continue;
      const DeviceId a = device_at(link.a), b = device_at(link.b);
      if (needed(a) && needed(b) && !meet(out(a), out(b))) refuse(a, b);
    }
  }

  // Devices of one supernode with equal reach are one kind.
  void check_supernodes() {
    std::map<int, std::map<std::pair<Reach, Reach>, std::vector<DeviceId>>> kinds;
    for (std::int64_t i = 0; i < fabric_.device_count(); ++i) {
      const DeviceId device(i);
      if (!needed(device)) continue;
      auto& same = kinds[fabric_.place(device).supernode][{up(device), out(device)}];
      if (same.size() < 2) same.push_back(device);
    }
    for (const auto& [supernode, sorts] : kinds) {
      for (auto a = sorts.begin(); a != sorts.end(); ++a) {
        if (a->second.size() > 1 && a->first.first.empty() && a->first.second.empty())
          refuse(a->second[0], a->second[1]);
        for (auto b = std::next(a); b != sorts.end(); ++b) {
          if (!meet(a->first.first, b->first.first) && !meet(a->first.second, b->first.second))
            refuse(a->second[0], b->second[0]);
        }
      }
    }
  }

  void check_between_supernodes() {
    std::map<Reach, std::map<int, DeviceId>> sorts;  // by reach, a device of each supernode
    for (std::int64_t i = 0; i < fabric_.device_count(); ++i) {
      const DeviceId device(i);
      if (needed(device)) sorts[out(device)].emplace(fabric_.place(device).supernode, device);
    }
    for (auto a = sorts.begin(); a != sorts.end(); ++a) {
      for (auto b = a->first.empty() ? a : std::next(a); b != sorts.end(); ++b) {
        if (meet(a->first, b->first)) continue;
        for (const auto& [supernode, device] : a->second)
          for (const auto& [other, peer] : b->second)
            if (other != supernode) refuse(device, peer);
      }
    }
  }

  const Fabric& fabric_;
  const std::vector<std::int64_t>& drained_;
  Parts up_, out_;
  std::vector<LinkView> links_;
  std::vector<DeviceId> device_at_;  // by vertex; invalid where there is none
  std::vector<Reach> reach_up_, reach_out_;
};

}  // namespace

void check_connected(const Fabric& fabric, const std::vector<std::int64_t>& drained) {
  if (fabric.degraded()) Connectivity(fabric, drained).check();
}

}  // namespace supernode
