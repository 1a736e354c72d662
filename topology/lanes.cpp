#include "topology/lanes.hpp"

#include <algorithm>
#include <cassert>

#include "base/hash.hpp"
#include "topology/flow_network.hpp"

namespace supernode {

namespace {

// Links between the same two vertices are one lane.
void merge(std::vector<Lane>& lanes) {
  std::ranges::sort(lanes);
  std::vector<Lane> merged;
  for (const Lane& lane : lanes) {
    if (!merged.empty() && merged.back().from == lane.from && merged.back().to == lane.to) {
      merged.back().bandwidth += lane.bandwidth;
      merged.back().links += lane.links;
    } else {
      merged.push_back(lane);
    }
  }
  lanes = std::move(merged);
}

void sum_up(LaneClass& own) {
  own.into.assign(static_cast<std::size_t>(own.to_size), 0);
  own.out_of.assign(static_cast<std::size_t>(own.from_size), 0);
  for (const Lane& lane : own.lanes) {
    own.into[static_cast<std::size_t>(lane.to)] += lane.bandwidth;
    own.out_of[static_cast<std::size_t>(lane.from)] += lane.bandwidth;
    own.bandwidth += lane.bandwidth;
  }
}

}  // namespace

void Lanes::add(BundleId bundle, LaneClass lanes) {
  merge(lanes.lanes);
  std::vector<int>& same = index_[lanes.lanes];
  const auto equal = std::ranges::find_if(same, [&](int i) {
    const LaneClass& old = classes_[static_cast<std::size_t>(i)];
    return old.from_size == lanes.from_size && old.to_size == lanes.to_size && old.degraded == lanes.degraded;
  });
  if (equal == same.end()) {
    same.push_back(static_cast<int>(classes_.size()));
    sum_up(lanes);
    class_of_[static_cast<std::size_t>(bundle.index)] = same.back();
    classes_.push_back(std::move(lanes));
  } else {
    class_of_[static_cast<std::size_t>(bundle.index)] = *equal;
  }
}

bool Lanes::degraded(std::span<const BundleId> bundles) const {
  return std::ranges::any_of(bundles, [&](BundleId bundle) { return of(bundle).degraded; });
}

const LaneFlow& Lanes::flow(std::span<const BundleId> bundles) const {
  std::uint64_t key = fnv1a("lanes");
  for (const BundleId bundle : bundles) key = fnv1a_of(class_of(bundle), key);
  const auto [entry, fresh] = flows_.try_emplace(key);
  if (fresh) entry->second = work_out(bundles);
  return entry->second;
}

// A layered network: the vertices of each tier passed, all of the first fed and all of the last drained.
LaneFlow Lanes::work_out(std::span<const BundleId> bundles) const {
  assert(!bundles.empty());
  int vertices = of(bundles.front()).from_size;
  for (const BundleId bundle : bundles) vertices += of(bundle).to_size;
  FlowNetwork network(vertices + 2);
  const int source = vertices, sink = vertices + 1;
  double all = 1;
  for (const BundleId bundle : bundles) all += of(bundle).bandwidth;
  std::vector<std::int64_t> paths(static_cast<std::size_t>(of(bundles.front()).from_size), 1);
  for (int i = 0; i < std::ssize(paths); ++i) network.add(source, i, all);
  int base = 0;
  for (const BundleId bundle : bundles) {
    const LaneClass& own = of(bundle);
    std::vector<std::int64_t> onward(static_cast<std::size_t>(own.to_size), 0);
    for (const Lane& lane : own.lanes) {
      network.add(base + lane.from, base + own.from_size + lane.to, lane.bandwidth);
      onward[static_cast<std::size_t>(lane.to)] += paths[static_cast<std::size_t>(lane.from)] * lane.links;
    }
    paths = std::move(onward);
    base += own.from_size;
  }
  for (int i = 0; i < std::ssize(paths); ++i) network.add(base + i, sink, all);
  LaneFlow flow;
  flow.capacity = network.max_flow(source, sink);
  for (const std::int64_t ways : paths) flow.paths += ways;
  return flow;
}

double Lanes::joint(BundleId first, BundleId second) const {
  const std::uint64_t key = (static_cast<std::uint64_t>(class_of(first)) << 32) |
                            static_cast<std::uint64_t>(static_cast<std::uint32_t>(class_of(second)));
  const auto [entry, fresh] = joints_.try_emplace(key, 0);
  if (!fresh) return entry->second;
  const std::vector<double>&in = of(first).into, &out = of(second).out_of;
  assert(in.size() == out.size());
  for (std::size_t i = 0; i < in.size(); ++i) entry->second += std::min(in[i], out[i]);
  return entry->second;
}

}  // namespace supernode
