#pragma once
// Lays transfers over the fabric's routes. On a sprayed plane a transfer is one flow over the bundles of its route; on
// a plane that hashes (ECMP) it is cut into flows, each over single links.

#include <unordered_map>
#include <vector>

#include "sim/flow_plan.hpp"
#include "sim/flow_share.hpp"
#include "sim/flow_siblings.hpp"
#include "topology/fabric.hpp"

namespace supernode {

class FlowPlanner {
 public:
  // All three outlive the planner.
  FlowPlanner(const Fabric& fabric, const std::vector<DeviceId>& members, const FlowOptions& options);

  // Makes room, for speed alone, for the paths of so many transfers.
  void expect(std::size_t transfers);
  // Position i of the round's transfers is member `first` + i. Rounds of members that have none in common do not wait
  // for one another, in whatever order they are added.
  void add(const Round& round, std::int32_t first = 0);
  FlowPlan take();  // once, last

 private:
  // The paths from one member to another: one, or as many as a transfer is cut into.
  struct Paths {
    std::int32_t first = -1, count = 0;
  };

  Paths& slot(std::int32_t from, std::int32_t to);
  const Paths& paths(std::int32_t from, std::int32_t to);
  Paths make_paths(DeviceId from, DeviceId to);
  void add_path(Seconds latency, Plane plane, std::size_t first_link);
  void spray(const RouteView& route, DeviceId from, DeviceId to);
  void hash(const Route& route, DeviceId from, DeviceId to, int flow);
  // Indices into plan_.links, made when first met.
  std::int32_t bundle_link(BundleId bundle, LinkId link, DeviceId from, DeviceId to, bool up);
  std::int32_t single_link(const HashedHop& hop, DeviceId from, DeviceId to, bool up);
  void add_joint_links(DeviceId from, DeviceId to);
  std::int32_t joint_link(const JointLimit& limit, const Route& route, DeviceId from, DeviceId to);
  double share_of(BundleId bundle, DeviceId from, DeviceId to, bool up) const;

  const Fabric& fabric_;
  const std::vector<DeviceId>& members_;
  const FlowOptions& options_;
  SiblingShare share_;
  FlowPlan plan_;
  std::vector<Paths> dense_;                                     // by from · members + to, for groups small enough
  std::unordered_map<std::int64_t, Paths> sparse_;               // the same for others
  std::vector<std::int32_t> bundle_index_;                       // by bundle
  std::unordered_map<std::int64_t, std::int32_t> single_index_;  // by bundle and link
  std::vector<SharedLink> shared_;
  std::unordered_map<std::uint64_t, std::int32_t> joint_index_;  // by key
};

}  // namespace supernode
