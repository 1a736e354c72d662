#pragma once
// A flow plan as a SimGrid platform: its links, and routes that are looked up in the plan when a flow starts, so that
// no table is ever built. Include only where SimGrid is (sim/*_simgrid.cpp).
//
// Facts it rests on (SimGrid 3.32). CM02 weighs a flow's share by its route's latency (TCP's unfairness to long round
// trips), which a lossless fabric does not show: so routes have no latency in SimGrid, and whoever starts a flow waits
// first. (Equal latencies with a factor of their own for each flow would make equal weights too, but then links were
// overbooked where several flows began to move at once: 4 of 37.5 GB/s on a link of 50.) Rates are compared with an
// absolute precision of 1e-5, finer than a double of 900e9: time is counted in microseconds. Payloads are integers:
// they are counted in 1/1024 bytes.

#include <cstdint>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>
#include <simgrid/s4u.hpp>
#include <unordered_map>
#include <vector>

#include "sim/flow_plan.hpp"

namespace supernode {

constexpr double kTicksPerSecond = 1e6;
constexpr double kUnitsPerByte = 1024;

class FlowZone : public simgrid::kernel::routing::NetZoneImpl {
 public:
  // The plan outlives the zone, which the engine owns. May be made once in a process.
  explicit FlowZone(const FlowPlan& plan);

  // The bytes of `flow` start to move now.
  simgrid::s4u::CommPtr start(const PlannedFlow& flow);

  void get_local_route(const simgrid::kernel::routing::NetPoint* src, const simgrid::kernel::routing::NetPoint* dst,
                       simgrid::kernel::routing::Route* into, double* latency) override;

 private:
  // SimGrid's routes go by pair of hosts, and a pair of ranks may have several paths: each rank has a host for each.
  std::uint64_t key(std::uint64_t from_host, std::uint64_t to_rank) const {
    return from_host * static_cast<std::uint64_t>(plan_.ranks) + to_rank;
  }
  std::size_t number_paths();
  void create_hosts(std::size_t channels);
  void create_links();

  const FlowPlan& plan_;
  std::vector<std::int32_t> channel_;                     // by path: which of its pair's
  std::unordered_map<std::uint64_t, std::int32_t> path_;  // by hosts
  std::vector<simgrid::s4u::Host*> hosts_;                // by channel, by rank; a host's id is its index
  std::vector<simgrid::kernel::resource::StandardLinkImpl*> links_;
};

}  // namespace supernode
