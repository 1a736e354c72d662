#include "scenarios/collective_bound.hpp"

#include <algorithm>
#include <map>

#include "base/numeric.hpp"
#include "sim/moe_traffic.hpp"

namespace supernode {

namespace {

struct Level {
  std::string_view name;
  int DevicePlace::*place;  // null: every device is its own part
};
constexpr Level kLevels[] = {{"rank", nullptr},
                             {"chip", &DevicePlace::chip},
                             {"node", &DevicePlace::node},
                             {"supernode", &DevicePlace::supernode}};

// One part of the group at a level: its ranks, and what their ports carry out of it.
struct Part {
  std::vector<DeviceId> ranks;
  BytesPerSecond out{};
};

class BoundSearch {
 public:
  BoundSearch(const Fabric& fabric, const CollectiveCall& call, const std::vector<DeviceId>& members, bool in_switch)
      : fabric_(fabric), call_(call), members_(members), in_switch_(in_switch) {
    for (const DeviceId d : members) ++in_chip_[fabric.place(d).chip], ++in_supernode_[fabric.place(d).supernode];
  }

  CollectiveBound find() {
    CollectiveBound bound;
    for (const DeviceId to : members_)
      if (to != members_[0]) bound.latency = max(bound.latency, fabric_.route(members_[0], to).latency);
    for (const Level& level : kLevels) {
      const Seconds port = port_time(level);
      if (port <= bound.port) continue;
      bound.port = port;
      bound.part = level.name;
    }
    return bound;
  }

 private:
  Seconds port_time(const Level& level) {
    const bool ranks_alone = level.place == nullptr;
    if (!ranks_alone && (expert_exchange() || call_.op == CollectiveOp::kSendRecv)) return {};
    std::map<int, Part> parts;
    for (const DeviceId d : members_) parts[place(level, d)].ranks.push_back(d);
    if (parts.size() < 2) return {};
    const Bytes expert_port = expert_exchange() ? expert_bytes() : Bytes{};
    Seconds most{};
    BytesPerSecond all{};
    for (auto& [key, part] : parts) {
      part.out = ports_out(level, part.ranks);
      all += part.out;
      most = max(most, (expert_exchange() ? expert_port : bytes_out(part.ranks.size())) / part.out);
    }
    // Unequal parts may share an all-reduce unequally; all together they send 2(m-1)·S.
    if (call_.op != CollectiveOp::kAllReduce) return most;
    const double m = real(static_cast<std::int64_t>(parts.size()));
    return call_.bytes * (in_switch_ ? m : 2 * (m - 1)) / all;
  }

  int place(const Level& level, DeviceId device) const {
    return level.place ? fabric_.place(device).*level.place : device.index;
  }

  Bytes bytes_out(std::size_t ranks) const {
    const double n = real(static_cast<std::int64_t>(members_.size())), g = real(static_cast<std::int64_t>(ranks));
    switch (call_.op) {
      case CollectiveOp::kAllToAll:
        return call_.bytes * (g * (n - g) / n);
      case CollectiveOp::kAllGather:
      case CollectiveOp::kReduceScatter:
        return call_.bytes * ((n - g) / n);
      default:
        return call_.bytes;
    }
  }

  // Into or out of the busiest rank. The matrix of all pairs is for groups of thousands too large: there the mean.
  Bytes expert_bytes() const {
    if (members_.size() <= 2048) return moe_traffic(call_, group_shape(fabric_, members_)).busiest_port;
    return call_.bytes * bus_factor(call_.op, static_cast<std::int64_t>(members_.size()), call_.routing);
  }

  // Over the planes that lead from the part to the rest of the group: to a sibling die, to the supernode, beyond it.
  BytesPerSecond ports_out(const Level& level, const std::vector<DeviceId>& ranks) {
    const auto part = static_cast<std::int64_t>(ranks.size());
    const DevicePlace& at = fabric_.place(ranks[0]);
    const std::int64_t chip = in_chip_[at.chip], supernode = in_supernode_[at.supernode];
    const bool beyond = static_cast<std::int64_t>(members_.size()) > supernode;
    BytesPerSecond out{};
    for (const DeviceId rank : ranks) {
      if (level.place == nullptr && chip > 1) out += to_sibling(rank);
      if (supernode > std::max(part, chip)) out += fabric_.port_bandwidth(rank, Plane::kScaleUp);
      if (beyond) out += fabric_.port_bandwidth(rank, Plane::kScaleOut);
    }
    return out;
  }

  BytesPerSecond to_sibling(DeviceId rank) const {
    for (const DeviceId other : members_) {
      if (other == rank || fabric_.place(other).chip != fabric_.place(rank).chip) continue;
      const Route& route = fabric_.route(rank, other);
      return fabric_.bundle(route.bundles[0]).bandwidth;
    }
    return {};
  }

  bool expert_exchange() const { return call_.op == CollectiveOp::kEpDispatch || call_.op == CollectiveOp::kEpCombine; }

  const Fabric& fabric_;
  const CollectiveCall& call_;
  const std::vector<DeviceId>& members_;
  bool in_switch_;
  std::map<int, std::int64_t> in_chip_{}, in_supernode_{};  // members by place
};

}  // namespace

CollectiveBound collective_bound(const Fabric& fabric, const CollectiveCall& call, const std::vector<DeviceId>& members,
                                 bool switches_reduce) {
  return BoundSearch(fabric, call, members, switches_reduce).find();
}

}  // namespace supernode
