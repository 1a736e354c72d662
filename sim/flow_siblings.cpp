#include "sim/flow_siblings.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/random_draw.hpp"

namespace supernode {
namespace {

constexpr double kDrawn = 10000;  // beyond, a binomial count is within a few percent of its mean

// The most flows at once, in any round: over each shared link and over each bundle's.
struct Busiest {
  std::unordered_map<std::int32_t, std::int64_t> link;
  std::unordered_map<std::int32_t, std::int64_t> bundle;  // by index
};

void keep_most(std::unordered_map<std::int32_t, std::int64_t>& most,
               const std::unordered_map<std::int32_t, std::int64_t>& counts) {
  for (const auto& [key, count] : counts) most[key] = std::max(most[key], count);
}

Busiest count_flows(const FlowPlan& plan, const std::vector<SharedLink>& shared) {
  std::vector<bool> wanted(plan.links.size(), false);
  for (const SharedLink& each : shared) wanted[static_cast<std::size_t>(each.link)] = true;
  Busiest busiest;
  for (const PlannedRound& round : plan.rounds) {
    std::unordered_map<std::int32_t, std::int64_t> links, bundles;
    for (const PlannedFlow& flow : round.flows)
      for (const std::int32_t link : plan.links_of(flow))
        if (wanted[static_cast<std::size_t>(link)])
          ++links[link], ++bundles[plan.links[static_cast<std::size_t>(link)].bundle.index];
    keep_most(busiest.link, links);
    keep_most(busiest.bundle, bundles);
  }
  return busiest;
}

double binomial(double tries, double chance, SplitMix64 random) {
  if (tries > kDrawn) return tries * chance;
  const auto bar = static_cast<std::uint64_t>(std::ldexp(chance, 63)) * 2;
  double hits = 0;
  for (auto i = std::llround(tries); i > 0; --i) hits += random() < bar;
  return hits;
}

}  // namespace

void leave_siblings_their_part(FlowPlan& plan, const std::vector<SharedLink>& shared, const Fabric& fabric) {
  if (shared.empty()) return;
  Busiest busiest = count_flows(plan, shared);
  for (const SharedLink& each : shared) {
    PlannedLink& link = plan.links[static_cast<std::size_t>(each.link)];
    const Bundle& bundle = fabric.bundle(link.bundle);
    const auto own = static_cast<double>(std::max<std::int64_t>(1, busiest.link[each.link]));
    const auto all = static_cast<double>(busiest.bundle[link.bundle.index]);
    const std::uint64_t seed = fabric.hashing(bundle.plane).seed;
    SplitMix64 stream(seed ^ (static_cast<std::uint64_t>(link.link.index) << 32 | link.bundle.index));
    const double others = binomial(all * (1 / each.share - 1), 1.0 / bundle.links, SplitMix64(stream()));
    link.capacity = link.capacity * (own / (own + others));
  }
}

}  // namespace supernode
