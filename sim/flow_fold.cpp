// Max-min sharing with symmetric flows folded into classes.
//
// Colour refinement (Weisfeiler-Leman, one dimension) on the bipartite graph of flows and links: two flows keep one
// colour while they have the same bytes, latency and colours of links along their path; two links while they have the
// same capacity and the same number of flows of each colour. The stable colouring is an equitable partition, so that by
// symmetry of the max-min problem all flows of a colour run at one rate at all times: one variable each.

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>
#include <unordered_map>

#include "sim/flow_engine.hpp"

namespace supernode {
namespace {

using Colour = std::uint64_t;
using Colours = std::vector<Colour>;

// A 64-bit mixer (the finaliser of SplitMix64); chain by passing the last result as `seed`.
Colour mix(Colour seed, Colour value) {
  Colour x = seed * 0x9e3779b97f4a7c15ULL + value + 0x632be59bd9b4e019ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

Colour bits(double value) { return std::bit_cast<Colour>(value); }

// Renumbers colours 0, 1, … in order of first appearance; returns how many there are.
std::size_t renumber(Colours& colours) {
  std::unordered_map<Colour, Colour> seen;
  for (Colour& colour : colours) colour = seen.try_emplace(colour, seen.size()).first->second;
  return seen.size();
}

struct Partition {
  Colours flow, link;  // class of each flow of the round and of each link of the plan
  std::size_t flows = 0, links = 0;
};

void refine_links(const FlowPlan& plan, const PlannedRound& round, Partition& p) {
  Colours sums(p.link.size(), 0);
  for (std::size_t f = 0; f < round.flows.size(); ++f)
    for (const std::int32_t link : plan.links_of(round.flows[f]))
      sums[static_cast<std::size_t>(link)] += mix(1, p.flow[f]);
  for (std::size_t l = 0; l < p.link.size(); ++l) p.link[l] = mix(p.link[l], sums[l]);
}

void refine_flows(const FlowPlan& plan, const PlannedRound& round, Partition& p) {
  for (std::size_t f = 0; f < round.flows.size(); ++f)
    for (const std::int32_t link : plan.links_of(round.flows[f]))
      p.flow[f] = mix(p.flow[f], p.link[static_cast<std::size_t>(link)]);
}

Partition partition(const FlowPlan& plan, const PlannedRound& round) {
  Partition p;
  for (const PlannedFlow& flow : round.flows) {
    const Seconds latency = plan.paths[static_cast<std::size_t>(flow.path)].latency;
    p.flow.push_back(mix(bits(flow.bytes.value()), bits(latency.value())));
  }
  for (const PlannedLink& link : plan.links) p.link.push_back(bits(link.capacity.value()));
  p.flows = renumber(p.flow);
  p.links = renumber(p.link);
  while (true) {
    const std::size_t before = p.flows + p.links;
    refine_links(plan, round, p);
    p.links = renumber(p.link);
    refine_flows(plan, round, p);
    p.flows = renumber(p.flow);
    if (p.flows + p.links == before) return p;
  }
}

struct FlowClass {
  double start = 0, remaining = 0, rate = 0;
  bool fixed = false;
  std::vector<std::pair<std::size_t, double>> links;  // class of link, flows of this class on one such link
};

struct Quotient {
  std::vector<FlowClass> flows;
  std::vector<double> capacity;  // by link class
};

void count_crossings(const FlowPlan& plan, const PlannedRound& round, const Partition& p, Quotient& q) {
  std::vector<std::size_t> links_in_class(p.links, 0);
  for (const Colour link : p.link) ++links_in_class[link];
  std::vector<std::unordered_map<std::size_t, double>> crossings(p.flows);
  for (std::size_t f = 0; f < round.flows.size(); ++f)
    for (const std::int32_t link : plan.links_of(round.flows[f]))
      ++crossings[p.flow[f]][p.link[static_cast<std::size_t>(link)]];
  for (std::size_t c = 0; c < p.flows; ++c)
    for (const auto& [link, count] : crossings[c])
      q.flows[c].links.emplace_back(link, count / static_cast<double>(links_in_class[link]));
}

Quotient fold(const FlowPlan& plan, const PlannedRound& round) {
  const Partition p = partition(plan, round);
  Quotient q;
  q.flows.resize(p.flows);
  q.capacity.resize(p.links);
  for (std::size_t f = 0; f < round.flows.size(); ++f) {
    const PlannedFlow& flow = round.flows[f];
    q.flows[p.flow[f]].start = plan.paths[static_cast<std::size_t>(flow.path)].latency.value();
    q.flows[p.flow[f]].remaining = flow.bytes.value();
  }
  for (std::size_t l = 0; l < plan.links.size(); ++l) q.capacity[p.link[l]] = plan.links[l].capacity.value();
  count_crossings(plan, round, p, q);
  return q;
}

// Progressive filling: raise all rates together; the link class that fills first fixes the flows that cross it.
void share(Quotient& q, double now) {
  std::vector<double> left = q.capacity;
  std::vector<FlowClass*> open;
  for (FlowClass& flow : q.flows) {
    flow.rate = 0;
    if (flow.remaining > 0 && flow.start <= now) open.push_back(&flow);
  }
  while (!open.empty()) {
    std::vector<double> users(left.size(), 0);
    for (const FlowClass* flow : open)
      for (const auto& [link, count] : flow->links) users[link] += count;
    std::size_t tightest = 0;
    double level = std::numeric_limits<double>::infinity();
    for (std::size_t l = 0; l < left.size(); ++l)
      if (users[l] > 0 && left[l] / users[l] < level) level = left[l] / users[l], tightest = l;
    for (FlowClass* flow : open) {
      flow->fixed = std::ranges::any_of(flow->links, [&](const auto& link) { return link.first == tightest; });
      if (!flow->fixed) continue;
      flow->rate = level;
      for (const auto& [link, count] : flow->links) left[link] = std::max(0.0, left[link] - level * count);
    }
    std::erase_if(open, [](const FlowClass* flow) { return flow->fixed; });
  }
}

// The next start or end of a flow class after `now`; infinity when all is done.
double next_event(const Quotient& q, double now) {
  double next = std::numeric_limits<double>::infinity();
  for (const FlowClass& flow : q.flows) {
    if (flow.remaining <= 0) continue;
    if (flow.start > now)
      next = std::min(next, flow.start);
    else if (flow.rate > 0)
      next = std::min(next, now + flow.remaining / flow.rate);
  }
  return next;
}

}  // namespace

Seconds run_round_folded(const FlowPlan& plan, const PlannedRound& round) {
  Quotient q = fold(plan, round);
  double now = 0;
  while (true) {
    share(q, now);
    const double next = next_event(q, now);
    if (next == std::numeric_limits<double>::infinity()) return Seconds(now);
    for (FlowClass& flow : q.flows) {
      const double moved = flow.rate * (next - now);
      // What is left below a billionth of a flow's last step is rounding.
      flow.remaining = flow.remaining <= moved * (1 + 1e-9) ? 0 : flow.remaining - moved;
    }
    now = next;
  }
}

}  // namespace supernode
