// What each bundle and link of a plan carries, from the plan alone: bytes do not depend on when they move.

#include <algorithm>

#include "sim/flow_plan.hpp"

namespace supernode {
namespace {

double utilisation(Bytes bytes, BytesPerSecond bandwidth, Seconds time) {
  return time.value() > 0 ? bytes / (bandwidth * time) : 0;
}

}  // namespace

void report_loads(const Fabric& fabric, const FlowPlan& plan, FlowResult& result) {
  for (const PlannedLink& link : plan.links) {
    if (!link.bundle.valid()) continue;  // a joint limit: its bytes are those of bundles too
    result.bytes[link.bundle] += link.bytes;
    if (!link.link.valid()) continue;
    const LinkView view = fabric.link(link.link);
    result.links.push_back(
        {link.bundle, link.link, link.bytes, utilisation(link.bytes, view.spec.bandwidth * view.share, result.time)});
  }
  std::ranges::stable_sort(result.links, std::greater<>{}, &LinkLoad::utilisation);
  for (const auto& [bundle, bytes] : result.bytes) {
    const double used = utilisation(bytes, fabric.bundle(bundle).bandwidth, result.time);
    if (used <= result.busiest_utilisation) continue;
    result.busiest_utilisation = used;
    result.busiest = bundle;
  }
}

}  // namespace supernode
