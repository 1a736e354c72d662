// What flows share in a degraded fabric beyond the bundles that they cross. Equations: docs/models/fabric.md, "Faults".
#include <algorithm>

#include "base/hash.hpp"
#include "topology/fabric_impl.hpp"

namespace supernode {

namespace {

constexpr double kBelow = 1 - 1e-9;  // what rounding makes of equal sums is no limit

enum class LimitKind : int { kPair, kInto, kOutOf, kPath };

std::uint64_t limit_key(LimitKind kind, std::span<const BundleId> bundles) {
  std::uint64_t key = fnv1a_of(kind);
  for (const BundleId id : bundles) key = fnv1a_of(id.index, key);
  return key;
}

class RouteLimits {
 public:
  RouteLimits(const Lanes& lanes, const Route& route) : lanes_(lanes), bundles_(route.bundles) {}

  // Flows that cross two bundles one after the other.
  void pairs() {
    for (std::size_t i = 0; i + 1 < bundles_.size(); ++i) {
      const auto pair = bundles_.subspan(i, 2);
      if (!lanes_.degraded(pair)) continue;
      const double both = lanes_.joint(pair[0], pair[1]);
      if (both < kBelow * std::min(lanes_.of(pair[0]).bandwidth, lanes_.of(pair[1]).bandwidth))
        add(LimitKind::kPair, i, 2, both);
    }
  }

  // The flows of this pair of devices.
  void path() {
    double least = lanes_.of(bundles_.front()).bandwidth;
    for (const BundleId bundle : bundles_) least = std::min(least, lanes_.of(bundle).bandwidth);
    for (const JointLimit& limit : limits_) least = std::min(least, limit.capacity.value());
    const double all = lanes_.flow(bundles_).capacity;
    if (all < kBelow * least) add(LimitKind::kPath, 0, bundles_.size(), all);
  }

  void add(LimitKind kind, std::size_t first, std::size_t count, double capacity) {
    limits_.push_back({limit_key(kind, bundles_.subspan(first, count)), BytesPerSecond(capacity), first, count});
  }

  std::vector<JointLimit> take() { return std::move(limits_); }

 private:
  const Lanes& lanes_;
  std::span<const BundleId> bundles_;
  std::vector<JointLimit> limits_;
};

}  // namespace

// All that can come into a bundle from the bundles before it, vertex by vertex of the tier it leaves (or, `onward`,
// can go on from it); the bundle's own bandwidth where that is no limit. No route starts at a CPU.
double Fabric::Impl::gathered(BundleId id, bool onward) const {
  const auto [leaves, enters] = bundle_ends[static_cast<std::size_t>(id.index)];
  const FabricTier& tier = tiers[static_cast<std::size_t>(onward ? enters : leaves)];
  const LaneClass& own = lanes->of(id);
  const std::vector<double>& ours = onward ? own.into : own.out_of;
  if (tier.endpoint() || tier.size == 1) return own.bandwidth;
  std::vector<double> others(ours.size(), 0);
  for (const TierEdge& edge : tier.edges) {
    const bool back = edge.bundle == (onward ? opposite(id) : id);
    if (back || tiers[static_cast<std::size_t>(edge.to)].kind == VertexKind::kCpu) continue;
    if (!usable(bundle(edge.bundle).plane, bundle(id).plane)) continue;
    const LaneClass& beside = lanes->of(edge.bundle);
    for (std::size_t i = 0; i < others.size(); ++i) others[i] += beside.out_of[i];
  }
  double through = 0, all = 0;
  for (std::size_t i = 0; i < others.size(); ++i) {
    through += std::min(others[i], ours[i]);
    all += others[i];
  }
  return through < kBelow * std::min(all, own.bandwidth) ? through : own.bandwidth;
}

double Fabric::Impl::gather_limit(BundleId id, bool onward) const {
  const auto [entry, fresh] = gather_limits.try_emplace(2 * static_cast<std::int64_t>(id.index) + (onward ? 1 : 0));
  if (fresh) entry->second = gathered(id, onward);
  return entry->second;
}

std::vector<JointLimit> Fabric::joint_limits(const Route& route) const {
  if (!impl_->degraded) return {};
  RouteLimits limits(*impl_->lanes, route);
  if (impl_->lanes->degraded(route.bundles)) {
    limits.pairs();
    limits.path();
  }
  for (std::size_t i = 0; i < route.bundles.size(); ++i) {
    const BundleId id = route.bundles[i];
    for (const bool onward : {false, true}) {
      const double limit = impl_->gather_limit(id, onward);
      if (limit < kBelow * impl_->lanes->of(id).bandwidth)
        limits.add(onward ? LimitKind::kOutOf : LimitKind::kInto, i, 1, limit);
    }
  }
  return limits.take();
}

}  // namespace supernode
