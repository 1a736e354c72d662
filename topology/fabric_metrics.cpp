#include "topology/fabric_metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <stdexcept>

#include "topology/folded_flow.hpp"
#include "topology/graph_count.hpp"
#include "topology/link_levels.hpp"
#include "topology/max_flow.hpp"

namespace supernode {

namespace {

using Devices = std::vector<DeviceId>;

// Where the first half of `devices` ends: at a boundary of supernodes, of nodes, or between two devices.
struct Halves {
  std::size_t middle = 0;
  std::string text;
};

Halves halve(const Fabric& fabric, const Devices& devices) {
  const auto split = [&](auto unit_of, const char* name) -> std::optional<Halves> {
    const int first = unit_of(devices.front()), units = unit_of(devices.back()) - first + 1;
    if (units < 2) return std::nullopt;
    const auto second = std::find_if(devices.begin(), devices.end(),
                                     [&](DeviceId device) { return unit_of(device) - first >= units / 2; });
    const auto middle = static_cast<std::size_t>(second - devices.begin());
    return Halves{middle, fmt::format("{} | {} {}", units / 2, units - units / 2, name)};
  };
  if (const auto halves = split([&](DeviceId d) { return fabric.place(d).supernode; }, "supernodes")) return *halves;
  if (const auto halves = split([&](DeviceId d) { return fabric.place(d).node; }, "nodes")) return *halves;
  return *split([](DeviceId d) { return d.index; }, "devices");
}

BytesPerSecond injection(const Fabric& fabric, Plane plane, std::span<const DeviceId> devices) {
  BytesPerSecond sum{};
  for (const DeviceId device : devices) sum += fabric.port_bandwidth(device, plane);
  return sum;
}

Bisection bisect(const Fabric& fabric, Plane plane, const Devices& devices, std::int64_t max_flow_links) {
  const Halves halves = halve(fabric, devices);
  const std::span all(devices);
  const auto first = all.first(halves.middle), second = all.subspan(halves.middle);
  Bisection bisection{.halves = halves.text,
                      .structure = folded_flow(fabric, plane, first, second),
                      .max_flow = {},
                      .full = std::min(injection(fabric, plane, first), injection(fabric, plane, second))};
  if (fabric.link_count() <= max_flow_links) bisection.max_flow = max_flow(fabric, plane, first, second);
  return bisection;
}

// `count` of them, spread so that no regularity of the numbering is met: multiples of a number without a common factor.
Devices spread(const Devices& devices, std::size_t count) {
  if (count >= devices.size()) return devices;
  auto stride = static_cast<std::size_t>(0.618 * static_cast<double>(devices.size()));
  while (std::gcd(stride, devices.size()) != 1) ++stride;
  Devices chosen;
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(devices[i * stride % devices.size()]);
  return chosen;
}

class DistanceMeter {
 public:
  DistanceMeter(const Fabric& fabric, Plane plane) : fabric_(fabric), plane_(plane) {}

  void visit(DeviceId from, DeviceId to) {
    ++distances_.pairs;
    try {
      note(fabric_.route_over(plane_, from, to));
    } catch (const std::runtime_error&) {
      ++distances_.cut_off;
    }
  }

  Distances finish() {
    if (paths_.empty()) return distances_;
    std::nth_element(paths_.begin(), paths_.begin() + std::ssize(paths_) / 2, paths_.end());
    distances_.paths_median = paths_[paths_.size() / 2];
    distances_.paths_min = *std::min_element(paths_.begin(), paths_.end());
    distances_.mean_hops = static_cast<double>(hops_) / static_cast<double>(paths_.size());
    return distances_;
  }

 private:
  void note(const Route& route) {
    const int hops = static_cast<int>(route.bundles.size());
    const bool first = paths_.empty();
    distances_.latency_min = first ? route.latency : std::min(distances_.latency_min, route.latency);
    distances_.latency_max = std::max(distances_.latency_max, route.latency);
    distances_.diameter = std::max(distances_.diameter, hops);
    hops_ += hops;
    paths_.push_back(route.paths);
  }

  const Fabric& fabric_;
  Plane plane_;
  Distances distances_;
  std::int64_t hops_ = 0;
  std::vector<std::int64_t> paths_;
};

Distances measure_distances(const Fabric& fabric, Plane plane, const Devices& devices, std::int64_t max_pairs) {
  const auto count = std::ssize(devices);
  const bool sampled = count * (count - 1) > max_pairs;
  const std::int64_t ends = sampled ? std::min<std::int64_t>(count, max_pairs / 16) : count;
  const Devices to = spread(devices, static_cast<std::size_t>(ends));
  const Devices from = spread(devices, static_cast<std::size_t>(sampled ? max_pairs / ends : count));
  DistanceMeter meter(fabric, plane);
  for (const DeviceId a : from) {
    for (const DeviceId b : to) {
      if (a != b) meter.visit(a, b);
    }
    // The far ends of the numbering and the nearest neighbours, which a sample might miss.
    for (const DeviceId b : {devices.front(), devices.back(), devices[(a.index - devices.front().index + 1) % count]}) {
      if (sampled && a != b) meter.visit(a, b);
    }
  }
  Distances distances = meter.finish();
  distances.sampled = sampled;
  return distances;
}

// The levels over links of one plane (a NIC's local links lead to it).
std::vector<int> levels(const Fabric& fabric, Plane plane) {
  std::vector<LinkView> links;
  for (std::int64_t i = 0; i < fabric.link_count(); ++i) {
    const LinkView link = fabric.link(LinkId(i));
    if (link.spec.plane == plane || (link.spec.plane == Plane::kLocal && plane != Plane::kScaleUp))
      links.push_back(link);
  }
  return link_levels(fabric, links);
}

std::vector<TierLoad> tier_loads(const Fabric& fabric, Plane plane) {
  const std::vector<int> level = levels(fabric, plane);
  std::map<std::pair<int, std::string>, TierLoad> tiers;
  const auto add = [&](VertexId vertex, VertexId other, BytesPerSecond left) {
    const VertexView view = fabric.vertex_view(vertex);
    const int own = level[vertex.index], far = level[other.index];
    if (view.kind != VertexKind::kSwitch || own < 0 || far < 0) return;
    TierLoad& tier = tiers[{own, vertex_class(view)}];
    if (far < own) tier.down += left;
    if (far > own) tier.up += left;
  };
  for (std::int64_t i = 0; i < fabric.link_count(); ++i) {
    const LinkView link = fabric.link(LinkId(i));
    if (link.spec.plane != plane) continue;
    add(link.a, link.b, link.spec.bandwidth * link.share);
    add(link.b, link.a, link.spec.bandwidth * link.share);
  }
  std::vector<TierLoad> loads;
  for (auto& [where, tier] : tiers) {
    tier.level = where.first, tier.tier = where.second;
    if (tier.up > BytesPerSecond(0)) loads.push_back(tier);
  }
  return loads;
}

PlaneMetrics measure_plane(const Fabric& fabric, Plane plane, const Devices& devices, const MetricsOptions& options) {
  PlaneMetrics metrics;
  metrics.plane = plane;
  metrics.scope = "the cluster";
  metrics.devices = std::ssize(devices);
  for (const DeviceId device : devices) {
    const BytesPerSecond port = fabric.port_bandwidth(device, plane);
    metrics.port_min = device == devices.front() ? port : std::min(metrics.port_min, port);
    metrics.port_max = std::max(metrics.port_max, port);
    metrics.injection += port;
  }
  metrics.bisection = bisect(fabric, plane, devices, options.max_flow_links);
  metrics.distances = measure_distances(fabric, plane, devices, options.max_pairs);
  metrics.tiers = tier_loads(fabric, plane);
  return metrics;
}

Devices devices_of(const Fabric& fabric, int supernode) {
  Devices devices;
  for (std::int64_t i = 0; i < fabric.device_count(); ++i) {
    if (fabric.place(DeviceId(i)).supernode == supernode) devices.emplace_back(i);
  }
  return devices;
}

// The supernode whose scale-up links have lost most: the first one of a healthy cluster. Each is a component of the
// plane's graph, so its devices' number spreads over its links.
int worst_supernode(const Fabric& fabric) {
  if (!fabric.degraded()) return 0;
  std::vector<int> owner(static_cast<std::size_t>(fabric.vertex_count()), -1);
  for (std::int64_t i = 0; i < fabric.device_count(); ++i) {
    owner[fabric.vertex(DeviceId(i)).index] = fabric.place(DeviceId(i)).supernode;
  }
  std::map<int, double> lost;
  for (bool grown = true; grown;) {
    grown = false;
    lost.clear();
    for (std::int64_t i = 0; i < fabric.link_count(); ++i) {
      const LinkView link = fabric.link(LinkId(i));
      if (link.spec.plane != Plane::kScaleUp) continue;
      int &a = owner[link.a.index], &b = owner[link.b.index];
      if ((a < 0) != (b < 0)) a = b = std::max(a, b), grown = true;
      lost[a] += (1 - link.share) * link.spec.bandwidth.value();
    }
  }
  const auto more = [](const auto& x, const auto& y) { return x.second < y.second; };
  const auto worst = std::max_element(lost.begin(), lost.end(), more);
  return worst == lost.end() || worst->second == 0 ? 0 : worst->first;
}

}  // namespace

std::vector<PlaneMetrics> measure_fabric(const Fabric& fabric, const MetricsOptions& options) {
  std::vector<PlaneMetrics> planes;
  const GraphCount count = count_graph(fabric);
  const auto has = [&](Plane plane) {
    return std::any_of(count.links.begin(), count.links.end(),
                       [&](const auto& each) { return each.first.first == plane; });
  };
  const int supernode = worst_supernode(fabric);
  const Devices domain = devices_of(fabric, supernode);
  if (has(Plane::kScaleUp) && domain.size() > 1) {
    planes.push_back(measure_plane(fabric, Plane::kScaleUp, domain, options));
    planes.back().scope = fmt::format("supernode {}", supernode);
  }
  Devices all;
  for (std::int64_t i = 0; i < fabric.device_count(); ++i) all.emplace_back(i);
  if (has(Plane::kScaleOut) && all.size() > 1) planes.push_back(measure_plane(fabric, Plane::kScaleOut, all, options));
  return planes;
}

}  // namespace supernode
