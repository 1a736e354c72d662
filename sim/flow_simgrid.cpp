// The one source that knows SimGrid's network side.
//
// Facts it rests on (SimGrid 3.32): CM02 weighs a flow's share by its route's latency (TCP's unfairness to long round
// trips), which a lossless fabric does not show: so links have no latency in SimGrid and the sender sleeps it before a
// flow starts. Rates are compared with an absolute precision of 1e-5, finer than a double of 900e9: time is counted in
// microseconds. Payloads are integers: they are counted in 1/1024 bytes.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <simgrid/kernel/routing/NetPoint.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>
#include <simgrid/s4u.hpp>
#include <unordered_map>

#include "sim/flow_engine.hpp"
#include "sim/simgrid_engine.hpp"

namespace supernode {
namespace {

namespace s4u = simgrid::s4u;
namespace routing = simgrid::kernel::routing;

constexpr double kTicksPerSecond = 1e6;
constexpr double kUnitsPerByte = 1024;

// A zone that looks routes up in the plan when a flow starts: no table is ever built. Hosts are added first, in the
// order of group positions, so that a host's id is its position.
class PlanZone : public routing::NetZoneImpl {
 public:
  explicit PlanZone(const FlowPlan& plan) : NetZoneImpl("fabric"), plan_(plan) {
    for (const PlannedRound& round : plan.rounds)
      for (const PlannedFlow& flow : round.flows) path_[key(flow.from, flow.to)] = flow.path;
  }

  void create_links() {
    for (const PlannedLink& link : plan_.links) {
      const double rate = link.capacity.value() * kUnitsPerByte / kTicksPerSecond;
      s4u::Link* made = create_link(fmt::format("b{}", link.bundle.index), {rate});
      links_.push_back(made->seal()->get_impl());
    }
  }

  void get_local_route(const routing::NetPoint* src, const routing::NetPoint* dst, routing::Route* into,
                       double* latency) override {
    const PlannedPath& path = plan_.paths[static_cast<std::size_t>(path_.at(key(src->id(), dst->id())))];
    for (std::int32_t i = path.first; i < path.first + path.count; ++i)
      into->link_list_.push_back(links_[static_cast<std::size_t>(plan_.path_links[static_cast<std::size_t>(i)])]);
    *latency += 0;
  }

 private:
  std::uint64_t key(std::uint64_t from, std::uint64_t to) const {
    return from * static_cast<std::uint64_t>(plan_.ranks) + to;
  }
  const FlowPlan& plan_;
  std::unordered_map<std::uint64_t, std::int32_t> path_;
  std::vector<simgrid::kernel::resource::StandardLinkImpl*> links_;
};

std::vector<s4u::Host*> create_platform(const FlowPlan& plan) {
  auto* zone = new PlanZone(plan);  // the engine owns it
  std::vector<s4u::Host*> hosts;
  for (std::int32_t rank = 0; rank < plan.ranks; ++rank)
    hosts.push_back(zone->create_host(fmt::format("r{}", rank), {1.0})->seal());
  zone->create_links();
  zone->seal();
  return hosts;
}

// What one rank does in one round.
struct RankRound {
  std::vector<const PlannedFlow*> sends;  // by latency
  int expected = 0, arrived = 0;          // receives
};

// One segment: an actor per rank walks through the rounds.
class Segment {
 public:
  Segment(const FlowPlan& plan, std::span<const PlannedRound> rounds, const std::vector<s4u::Host*>& hosts)
      : plan_(plan), hosts_(hosts), ranks_(hosts.size()), waits_for_(hosts.size(), -1) {
    for (std::vector<RankRound>& rank : ranks_) rank.resize(rounds.size());
    for (std::size_t i = 0; i < rounds.size(); ++i)
      for (const PlannedFlow& flow : rounds[i].flows) {
        ranks_[static_cast<std::size_t>(flow.from)][i].sends.push_back(&flow);
        ++ranks_[static_cast<std::size_t>(flow.to)][i].expected;
      }
    for (std::vector<RankRound>& rank : ranks_)
      for (RankRound& round : rank) std::ranges::stable_sort(round.sends, {}, [&](auto* f) { return latency(*f); });
  }

  // Called by an actor; returns when every rank is through.
  void run() {
    std::vector<s4u::ActorPtr> actors;
    for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
      wakes_.push_back(s4u::Semaphore::create(0));
      actors.push_back(s4u::Actor::create("rank", hosts_[rank], [this, rank] { walk(rank); }));
    }
    for (const s4u::ActorPtr& actor : actors) actor->join();
  }

 private:
  Seconds latency(const PlannedFlow& flow) const { return plan_.paths[static_cast<std::size_t>(flow.path)].latency; }

  void walk(std::size_t rank) {
    for (std::size_t i = 0; i < ranks_[rank].size(); ++i) {
      send(rank, i);
      RankRound& round = ranks_[rank][i];
      if (round.arrived == round.expected) continue;
      waits_for_[rank] = static_cast<std::int64_t>(i);
      wakes_[rank]->acquire();
    }
  }

  void send(std::size_t rank, std::size_t round) {
    std::vector<s4u::CommPtr> comms;
    std::vector<std::int32_t> to;
    Seconds slept{};
    for (const PlannedFlow* flow : ranks_[rank][round].sends) {
      if (latency(*flow) > slept) s4u::this_actor::sleep_for((latency(*flow) - slept).value() * kTicksPerSecond);
      slept = latency(*flow);
      const auto units = static_cast<std::uint64_t>(std::ceil(flow->bytes.value() * kUnitsPerByte));
      comms.push_back(s4u::Comm::sendto_async(hosts_[rank], hosts_[static_cast<std::size_t>(flow->to)], units));
      to.push_back(flow->to);
    }
    deliver_all(comms, to, round);
  }

  // Waits for the flows as they end, so that each receiver learns of its own in time.
  void deliver_all(std::vector<s4u::CommPtr>& comms, std::vector<std::int32_t>& to, std::size_t round) {
    while (comms.size() > 1) {
      const auto ended = static_cast<std::size_t>(s4u::Comm::wait_any(comms));
      deliver(to[ended], round);
      comms.erase(comms.begin() + static_cast<std::ptrdiff_t>(ended));
      to.erase(to.begin() + static_cast<std::ptrdiff_t>(ended));
    }
    if (comms.empty()) return;
    comms.front()->wait();
    deliver(to.front(), round);
  }

  void deliver(std::int32_t to, std::size_t i) {
    const auto rank = static_cast<std::size_t>(to);
    RankRound& round = ranks_[rank][i];
    if (++round.arrived < round.expected || waits_for_[rank] != static_cast<std::int64_t>(i)) return;
    waits_for_[rank] = -1;
    wakes_[rank]->release();
  }

  const FlowPlan& plan_;
  const std::vector<s4u::Host*>& hosts_;
  std::vector<std::vector<RankRound>> ranks_;
  std::vector<std::int64_t> waits_for_;  // the round whose arrivals a rank sleeps for, or -1
  std::vector<s4u::SemaphorePtr> wakes_;
};

}  // namespace

std::vector<Seconds> run_flows_simgrid(const FlowPlan& plan,
                                       const std::vector<std::span<const PlannedRound>>& segments) {
  s4u::Engine& engine = make_simgrid_engine();
  const std::vector<s4u::Host*> hosts = create_platform(plan);
  std::vector<Seconds> times;
  s4u::Actor::create("driver", hosts.front(), [&] {
    for (const std::span<const PlannedRound>& rounds : segments) {
      const double start = s4u::Engine::get_clock();
      Segment(plan, rounds, hosts).run();
      times.push_back(Seconds((s4u::Engine::get_clock() - start) / kTicksPerSecond));
    }
  });
  engine.run();
  return times;
}

}  // namespace supernode
