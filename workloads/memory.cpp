#include "workloads/memory.hpp"

#include <algorithm>
#include <cassert>

#include "workloads/memory_remedies.hpp"
#include "workloads/memory_stage.hpp"

namespace supernode {

std::string_view to_string(MemoryMoment moment) {
  switch (moment) {
    case MemoryMoment::kIdle:
      return "idle";
    case MemoryMoment::kForward:
      return "forward";
    case MemoryMoment::kLoss:
      return "loss";
    case MemoryMoment::kBackward:
      return "backward";
    case MemoryMoment::kReduce:
      return "reduce";
    case MemoryMoment::kOptimizer:
      return "optimizer";
  }
  return "?";
}

std::vector<StageMemory> estimate_stages(const ModelSpec& model, const PlanSpec& plan) {
  assert(plan.data_parallel > 0 && plan.microbatches() > 0);
  const StageEstimator estimator(model, plan);
  std::vector<StageMemory> stages;
  for (std::int64_t stage = 0; stage < plan.pipeline_parallel; ++stage) stages.push_back(estimator.estimate(stage));
  return stages;
}

const MemoryParts& StageMemory::at(MemoryMoment moment) const {
  for (const MomentMemory& entry : timeline) {
    if (entry.moment == moment) return entry.parts;
  }
  return *this;
}

Bytes StageMemory::peak_allocated() const {
  Bytes peak = allocated();
  for (const MomentMemory& entry : timeline) peak = max(peak, entry.parts.allocated());
  return peak;
}

Bytes StageMemory::first_step_allocated() const {
  Bytes peak{};
  for (const MomentMemory& entry : timeline) {
    const bool updated = entry.moment == MemoryMoment::kOptimizer || entry.moment == MemoryMoment::kIdle;
    peak = max(peak, entry.parts.allocated() - (updated ? Bytes() : moments));
  }
  return peak;
}

Bytes StageMemory::peak_reserved() const { return total() - at(MemoryMoment::kIdle).framework; }

Bytes peak_memory(const std::vector<StageMemory>& stages) {
  Bytes peak{};
  for (const StageMemory& stage : stages) peak = max(peak, stage.total());
  return peak;
}

MemoryReport estimate_memory(const ModelSpec& model, const PlanSpec& plan, Bytes capacity) {
  MemoryReport report;
  report.stages = estimate_stages(model, plan);
  report.capacity = capacity;
  const auto less = [](const StageMemory& a, const StageMemory& b) { return a.total() < b.total(); };
  report.peak_stage = std::max_element(report.stages.begin(), report.stages.end(), less) - report.stages.begin();
  report.fits = peak_memory(report.stages) <= capacity;
  if (!report.fits) report.remedies = find_remedies(model, plan, capacity);
  return report;
}

}  // namespace supernode
