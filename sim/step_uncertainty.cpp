#include "sim/step_uncertainty.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>

#include "base/numeric.hpp"

namespace supernode {
namespace {

Seconds total(const std::array<Seconds, kComputeClasses>& times) {
  return std::accumulate(times.begin(), times.end(), Seconds());
}

std::size_t busiest_stage(const StepResult& result) {
  const auto computes_less = [](const StageTime& a, const StageTime& b) { return total(a.compute) < total(b.compute); };
  return static_cast<std::size_t>(std::max_element(result.stages.begin(), result.stages.end(), computes_less) -
                                  result.stages.begin());
}

std::array<Seconds, kComputeClasses> kernel_deviations(const StageProgram& stage, std::int64_t microbatches,
                                                       const KernelCostModel& kernels) {
  std::array<Seconds, kComputeClasses> sums{};
  std::map<Kernel, Seconds> known;
  for (const OpsUse& use : uses_of(stage, microbatches)) {
    for (const Op& op : *use.ops) {
      if (op.kind != Op::Kind::kCompute) continue;
      const auto [found, fresh] = known.try_emplace(op.kernel);
      if (fresh) found->second = kernels.cost(op.kernel).deviation;
      sums[static_cast<std::size_t>(op.compute_class)] += real(use.times) * found->second;
    }
  }
  return sums;
}

}  // namespace

Seconds step_deviation(const StepProgram& program, const StepResult& result, const KernelCostModel& kernels) {
  const std::size_t busiest = busiest_stage(result);
  double variance = 0;
  for (Seconds sum : kernel_deviations(program.stages[busiest], program.microbatches, kernels)) {
    variance += sum.value() * sum.value();
  }
  for (Seconds exposed : result.stages[busiest].exposed) {
    variance += std::pow(kCollectiveDeviation * exposed.value(), 2);
  }
  // A bubble is other stages' time of the same kinds: it stretches with the passes it waits for.
  const StageTime& stage = result.stages[busiest];
  const double busy = (result.step_time - stage.bubble - stage.idle_end).value();
  return Seconds(std::sqrt(variance) * (busy > 0 ? result.step_time.value() / busy : 1.0));
}

}  // namespace supernode
