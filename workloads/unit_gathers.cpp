#include "workloads/unit_gathers.hpp"

#include "workloads/data_parallel_ops.hpp"

namespace supernode {

namespace {

void append(std::vector<Op>& to, const std::vector<Op>& ops) { to.insert(to.end(), ops.begin(), ops.end()); }

}  // namespace

UnitGathers::UnitGathers(const RankShape& shape, const std::vector<RankWeights>& units, EventSource& events) {
  for (const RankWeights& unit : units) {
    gathers_.push_back(gather_ops(shape, unit));
    if (shape.plan.overlap.param_gather) make_async(gathers_.back(), events);
  }
}

void UnitGathers::before(std::size_t i, std::vector<Op>& ops) const {
  const std::vector<Op> waits = waits_for(gathers_[i]);
  const bool overlapped = !waits.empty();
  if (i == 0 || !overlapped) append(ops, gathers_[i]);
  append(ops, waits);
  if (i + 1 < gathers_.size() && !waits_for(gathers_[i + 1]).empty()) append(ops, gathers_[i + 1]);
}

}  // namespace supernode
