#include "sim/flow_zone_simgrid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <simgrid/kernel/routing/NetPoint.hpp>

namespace supernode {

namespace s4u = simgrid::s4u;
namespace routing = simgrid::kernel::routing;

FlowZone::FlowZone(const FlowPlan& plan) : NetZoneImpl("fabric"), plan_(plan), channel_(plan.paths.size(), -1) {
  create_hosts(number_paths());
  create_links();
  seal();
}

// Numbers the paths of each pair of ranks; returns the most that a pair has.
std::size_t FlowZone::number_paths() {
  std::unordered_map<std::uint64_t, std::int32_t> known;  // paths by pair
  std::int32_t most = 1;
  for (const PlannedRound& round : plan_.rounds)
    for (const PlannedFlow& flow : round.flows) {
      std::int32_t& channel = channel_[static_cast<std::size_t>(flow.path)];
      const auto from = static_cast<std::uint64_t>(flow.from), to = static_cast<std::uint64_t>(flow.to);
      const auto ranks = static_cast<std::uint64_t>(plan_.ranks);
      if (channel < 0) {
        channel = known[key(from, to)]++;
        most = std::max(most, channel + 1);
      }
      path_[key(static_cast<std::uint64_t>(channel) * ranks + from, to)] = flow.path;
    }
  return static_cast<std::size_t>(most);
}

void FlowZone::create_hosts(std::size_t channels) {
  for (std::size_t channel = 0; channel < channels; ++channel)
    for (std::int32_t rank = 0; rank < plan_.ranks; ++rank)
      hosts_.push_back(create_host(fmt::format("c{}r{}", channel, rank), {1.0})->seal());
}

void FlowZone::create_links() {
  for (const PlannedLink& link : plan_.links) {
    const double rate = link.capacity.value() * kUnitsPerByte / kTicksPerSecond;
    links_.push_back(create_link(fmt::format("l{}", links_.size()), {rate})->seal()->get_impl());
  }
}

void FlowZone::get_local_route(const routing::NetPoint* src, const routing::NetPoint* dst, routing::Route* into,
                               double* latency) {
  const PlannedPath& path = plan_.paths[static_cast<std::size_t>(path_.at(key(src->id(), dst->id())))];
  for (std::int32_t i = path.first; i < path.first + path.count; ++i)
    into->link_list_.push_back(links_[static_cast<std::size_t>(plan_.path_links[static_cast<std::size_t>(i)])]);
  *latency += 0;
}

s4u::CommPtr FlowZone::start(const PlannedFlow& flow) {
  const std::int32_t host = channel_[static_cast<std::size_t>(flow.path)] * plan_.ranks + flow.from;
  const auto units = static_cast<std::uint64_t>(std::ceil(flow.bytes.value() * kUnitsPerByte));
  return s4u::Comm::sendto_async(hosts_[static_cast<std::size_t>(host)], hosts_[static_cast<std::size_t>(flow.to)],
                                 units);
}

}  // namespace supernode
