#include "scenarios/collective_study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "base/expert_load.hpp"
#include "base/numeric.hpp"
#include "calibration/library_algorithms.hpp"
#include "sim/collective_run.hpp"
#include "sim/collectives/builtin.hpp"
#include "sim/placement.hpp"

namespace supernode {

namespace {

// Algorithms that no library of the system has are tried as well, for groups where an exchange is no million of flows.
constexpr std::size_t kMostRanksForOthers = 512;

// What an algorithm asks of a group, for the message when it cannot run.
std::string needs(const std::string& algorithm) {
  if (algorithm == "halving_doubling") return ": it needs a power of two";
  if (algorithm == "tree") return ": it needs at least 3";
  if (algorithm == "nvls") return ": it needs one supernode";
  if (algorithm == "send_recv") return ": it needs 2";
  if (algorithm.starts_with("hierarchical"))
    return fmt::format(": it needs at least 2 {}s with equally many ranks, 2 or more, in each",
                       algorithm.ends_with("supernode") ? "supernode" : "node");
  return "";
}

std::vector<BusyLink> busy_links(const Fabric& fabric, const FlowPlan& plan, Seconds time, std::size_t most) {
  std::vector<BusyLink> links;
  for (const PlannedLink& link : plan.links) {
    if (link.bytes.value() <= 0) continue;
    BusyLink busy;
    busy.name = link.bundle.valid() ? fabric.bundle_name(link.bundle) : "sub-planes that lost links, together";
    if (link.link.valid()) {
      const LinkView view = fabric.link(link.link);
      busy.name += fmt::format(" ({}--{})", fabric.vertex_view(view.a).name, fabric.vertex_view(view.b).name);
    }
    busy.bytes = link.bytes;
    busy.bandwidth = link.capacity;
    busy.utilisation = link.bytes / (link.capacity * time);
    links.push_back(std::move(busy));
  }
  return busiest_by_kind(std::move(links), most);
}

}  // namespace

struct CollectiveBench::Impl {
  Impl(const StudySystem& s, std::int64_t chip_count)
      : study(s),
        chips(chip_count),
        fabric(build_fabric(s.system.spec, chip_count)),
        costs(fabric, s.protocol),
        placement(s.system.spec, chip_count) {
    register_builtin_collectives(registry);
  }

  // Everything about one question that its parts need.
  struct Asked {
    const CollectiveRequest& request;
    const StudyOptions& options;
    std::vector<DeviceId> members;
    GroupShape shape;
    bool several_supernodes() const {
      return std::ranges::any_of(shape.supernode, [&](std::int32_t s) { return s != shape.supernode[0]; });
    }
  };

  bool switches_reduce(const Asked& asked) const {
    return study.protocol.fit(asked.request.call.op, false).in_network_reduction;
  }
  bool in_library(const Asked& asked, const std::string& algorithm) const {
    return allows(study.protocol.algorithms, asked.request.call.op, algorithm) &&
           (algorithm != "nvls" || switches_reduce(asked)) &&
           study.protocol.fit(asked.request.call, asked.several_supernodes()).runs(algorithm);
  }
  std::vector<const CollectiveAlgorithm*> able(const Asked& asked, bool library_only) const;
  void check_routing(const Asked& asked) const;
  void check_algorithm(const Asked& asked) const;
  CollectiveRun plan(const Asked& asked, const std::string& algorithm) const {
    const CollectiveCall& call = asked.request.call;
    return plan_collective(fabric, *registry.find(algorithm), asked.options.flow ? call : study.protocol.as_moved(call),
                           asked.members);
  }
  void price(const Asked& asked, CollectiveAnswer& answer);
  void explain(const Asked& asked, const CollectiveCost& cost, CollectiveAnswer& answer) const;
  Seconds bare_time(const Asked& asked, const std::string& algorithm) const;
  void run_bare(const Asked& asked, CollectiveAnswer& answer);
  void add_rivals(const Asked& asked, CollectiveAnswer& answer);

  const StudySystem& study;
  std::int64_t chips;
  Fabric fabric;
  CollectiveCostModel costs;
  Placement placement;  // nodes with a dead chip are left for spare ones
  CollectiveRegistry registry{};
};

std::vector<const CollectiveAlgorithm*> CollectiveBench::Impl::able(const Asked& asked, bool library_only) const {
  std::vector<const CollectiveAlgorithm*> list;
  for (const auto& algorithm : registry.all()) {
    if (!algorithm->supports(asked.request.call, asked.shape)) continue;
    const bool own = in_library(asked, algorithm->name());
    if (own || (!library_only && (algorithm->name() != "nvls" || switches_reduce(asked))))
      list.push_back(algorithm.get());
  }
  return list;
}

void CollectiveBench::Impl::check_routing(const Asked& asked) const {
  if (!is_expert_exchange(asked.request.call.op)) return;
  const std::string problem = routing_error(asked.request.call.routing, asked.shape.size());
  if (!problem.empty()) throw std::invalid_argument(problem);
}

void CollectiveBench::Impl::check_algorithm(const Asked& asked) const {
  const std::string& name = asked.request.algorithm;
  const CollectiveAlgorithm* algorithm = registry.find(name);
  const bool runs = name.empty() ? !able(asked, true).empty()
                                 : algorithm != nullptr && algorithm->supports(asked.request.call, asked.shape);
  if (runs) return;
  std::vector<std::string> others;
  for (const CollectiveAlgorithm* each : able(asked, false)) others.push_back(each->name());
  throw std::invalid_argument(
      fmt::format("{} cannot run {} over these {} ranks{}; {}", name.empty() ? "the library" : name,
                  to_string(asked.request.call.op), asked.members.size(), needs(name),
                  others.empty() ? "no algorithm can" : fmt::format("these can: {}", fmt::join(others, ", "))));
}

void CollectiveBench::Impl::price(const Asked& asked, CollectiveAnswer& answer) {
  const CollectiveCost cost = costs.cost(asked.request.call, asked.members, asked.request.algorithm);
  answer.algorithm = cost.algorithm;
  answer.time = cost.time;
  answer.rounds = cost.rounds;
  answer.plane = cost.plane;
  answer.software = cost.software;
  answer.hops = cost.hops;
  answer.wire = cost.wire;
  explain(asked, cost, answer);
}

// Which of the protocol's entries the cost stands on.
void CollectiveBench::Impl::explain(const Asked& asked, const CollectiveCost& cost, CollectiveAnswer& answer) const {
  const CollectiveCall& call = asked.request.call;
  const bool scale_out = cost.plane >= Plane::kScaleOut;
  const ProtocolFit& used = study.protocol.fit(call, scale_out);
  for (const auto& [name, fit] : study.protocol.fits)
    if (&fit == &used) answer.fit = name;
  const std::string own = protocol_key(call.op, scale_out, call.routing.low_latency);
  if (answer.fit != own) answer.missing_fit = own;
  const Sourced<double>& efficiency = used.regimes[static_cast<std::size_t>(cost.regime)].efficiency;
  answer.fit_source = efficiency.source;
  answer.fit_confidence = efficiency.confidence;
}

// Equal rounds once: to choose by.
Seconds CollectiveBench::Impl::bare_time(const Asked& asked, const std::string& algorithm) const {
  return simulate_plan(fabric, plan(asked, algorithm).plan).time;
}

void CollectiveBench::Impl::run_bare(const Asked& asked, CollectiveAnswer& answer) {
  answer.bare = true;
  answer.algorithm = asked.request.algorithm;
  if (answer.algorithm.empty()) {
    const auto candidates = able(asked, true);
    const auto fastest = std::ranges::min_element(
        candidates, {}, [&](const CollectiveAlgorithm* each) { return bare_time(asked, each->name()); });
    answer.algorithm = (*fastest)->name();
  }
  const CollectiveRun run = plan(asked, answer.algorithm);
  const auto start = std::chrono::steady_clock::now();
  const FlowResult flow =
      simulate_plan(fabric, run.plan, {.aggregate_rounds = false, .engine = asked.options.flow->engine});
  answer.wall_clock = Seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  answer.time = flow.time;
  answer.hops = min(flow.latency, flow.time);
  answer.wire = flow.time - answer.hops;
  answer.flows = flow.flows;
  answer.variables = flow.variables;
  answer.rounds = run.steps;
  answer.plane = run.plane;
}

void CollectiveBench::Impl::add_rivals(const Asked& asked, CollectiveAnswer& answer) {
  for (const CollectiveAlgorithm* each : able(asked, asked.members.size() > kMostRanksForOthers)) {
    const std::string name = each->name();
    const Seconds time = name == answer.algorithm ? answer.time
                         : answer.bare            ? bare_time(asked, name)
                                                  : costs.cost(asked.request.call, asked.members, name).time;
    answer.rivals.push_back({name, time, in_library(asked, name)});
  }
  std::ranges::stable_sort(answer.rivals, {}, &AlgorithmTime::time);
}

CollectiveBench::CollectiveBench(const StudySystem& study, std::int64_t chips) : impl_(new Impl(study, chips)) {}
CollectiveBench::~CollectiveBench() = default;
const Fabric& CollectiveBench::fabric() const { return impl_->fabric; }

CollectiveAnswer CollectiveBench::ask(const CollectiveRequest& request, const StudyOptions& options) {
  const Fabric& fabric = impl_->fabric;
  const SystemSpec& system = impl_->study.system.spec;
  auto members = group_devices(request.group, system, impl_->chips * system.devices_per_chip);
  Impl::Asked asked{request, options, impl_->placement.devices(std::move(members)), {}};
  if (asked.members.size() < 2) throw std::invalid_argument("a collective needs at least 2 ranks");
  if (request.call.bytes.value() <= 0)
    throw std::invalid_argument(fmt::format("{} needs a size: --bytes, e.g. 64 MiB", to_string(request.call.op)));
  asked.shape = group_shape(fabric, asked.members);
  impl_->check_routing(asked);
  impl_->check_algorithm(asked);
  CollectiveAnswer answer;
  answer.request = request;
  answer.chips = impl_->chips;
  answer.ranks = asked.shape.size();
  answer.faults = fabric.fault_notes();
  options.flow ? impl_->run_bare(asked, answer) : impl_->price(asked, answer);
  answer.bus_factor = bus_factor(request.call.op, answer.ranks, request.call.routing);
  answer.algorithm_bandwidth = request.call.bytes / answer.time;
  answer.bus_bandwidth = answer.algorithm_bandwidth * answer.bus_factor;
  if (options.rivals) impl_->add_rivals(asked, answer);
  answer.links = busy_links(fabric, impl_->plan(asked, answer.algorithm).plan, answer.time, options.links);
  const bool in_network = impl_->registry.find(answer.algorithm)->in_network();
  answer.bound = collective_bound(fabric, request.call, asked.members, in_network);
  if (is_expert_exchange(request.call.op) && request.call.routing.experts > 0)
    answer.expert_imbalance = spread_experts(request.call.routing, asked.shape.node).imbalance();
  return answer;
}

}  // namespace supernode
