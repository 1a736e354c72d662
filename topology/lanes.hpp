#pragma once
// The vertices inside the tiers of a degraded fabric. A bundle says what leads from one tier to the next in all; where
// faults have hit unevenly it matters which vertex a link leads to, for the sub-planes of a die never meet: a die that
// has lost sub-plane 1 gets nothing from the sub-plane 1 of another.
//
// Invariant: bundles whose live links join the same positions of their tiers, equally fast, are of one class, so that
// what follows from the links of a route is worked out once for all routes with the same classes.

#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"

namespace supernode {

// The live links of a bundle from one vertex of a tier to one of the next; positions count within the tier.
struct Lane {
  int from = 0, to = 0;
  double bandwidth = 0;  // B/s
  int links = 0;
  auto operator<=>(const Lane&) const = default;
};

struct LaneClass {
  std::vector<Lane> lanes;           // sorted
  int from_size = 0, to_size = 0;    // vertices of the two tiers
  bool degraded = false;             // some link has lost bandwidth
  std::vector<double> into, out_of;  // bandwidth by vertex of the tier it enters, leaves
  double bandwidth = 0;
};

// What the live links along a sequence of bundles carry from its first tier to its last.
struct LaneFlow {
  double capacity = 0;     // B/s
  std::int64_t paths = 0;  // from one vertex of the first tier to one of the last
};

class Lanes {
 public:
  explicit Lanes(std::size_t bundles) : class_of_(bundles, -1) {}
  void add(BundleId bundle, LaneClass lanes);

  int class_of(BundleId bundle) const { return class_of_[static_cast<std::size_t>(bundle.index)]; }
  const LaneClass& of(BundleId bundle) const { return classes_[static_cast<std::size_t>(class_of(bundle))]; }
  bool degraded(std::span<const BundleId> bundles) const;

  const LaneFlow& flow(std::span<const BundleId> bundles) const;
  // Through the vertices of the tier between: sum over them of the lesser of what comes in and what goes out.
  double joint(BundleId first, BundleId second) const;

 private:
  LaneFlow work_out(std::span<const BundleId> bundles) const;

  std::vector<int> class_of_;
  std::vector<LaneClass> classes_;
  std::map<std::vector<Lane>, std::vector<int>> index_;
  mutable std::unordered_map<std::uint64_t, LaneFlow> flows_;
  mutable std::unordered_map<std::uint64_t, double> joints_;
};

}  // namespace supernode
