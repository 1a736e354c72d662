#pragma once
// What no algorithm can beat: the bytes that must leave a part of the group over the ports of that part, and the
// longest way between two ranks.
//
// Parts are single ranks, chips, nodes and supernodes. A part of g ranks of n must send, of S bytes a rank,
//   all-to-all                 g·(n-g)/n · S
//   all-gather, reduce-scatter (n-g)/n · S       (into it, or out of it)
//   all-reduce                 2(m-1)/m · S      on average over m parts; S alone when the switches reduce
//   expert exchange            what the most loaded rank must receive; each token once
// over the ports of its ranks into the planes that lead out of it.

#include <vector>

#include "base/collective.hpp"
#include "topology/fabric.hpp"

namespace supernode {

struct CollectiveBound {
  Seconds port{};           // bandwidth alone
  std::string_view part{};  // whose ports: "rank", "chip", "node" or "supernode"
  Seconds latency{};        // of the fabric alone, one way
  Seconds time() const { return max(port, latency); }
};

CollectiveBound collective_bound(const Fabric& fabric, const CollectiveCall& call, const std::vector<DeviceId>& members,
                                 bool switches_reduce);

}  // namespace supernode
