#include "workloads/memory_states.hpp"

#include <cassert>

#include "base/numeric.hpp"

namespace supernode {
namespace {

// Adam in mixed precision: fp32 master weight and two fp32 moments (ZeRO, arXiv 1910.02054, section 3.1).
constexpr double kOptimizerBytes = 12;

// Formats below bf16 keep the bf16 weight and two quantised copies, one for each operand orientation (Transformer
// Engine, "Using FP8": Hopper's FP8 matrix units take transposed operands only; block formats scale along each axis).
constexpr double kQuantisedCopies = 2;

}  // namespace

void add_model_states(const PlanSpec& plan, const RankWeights& held, StageMemory& memory) {
  assert(plan.data_parallel > 0);
  const double total = held.dense + held.experts;
  const Bytes weight = bytes_per_element(Precision::kBf16);
  const Bytes operand = bytes_per_element(plan.compute);
  memory.weights = total * max(weight, operand);
  if (operand < weight) memory.weights += held.matrices * kQuantisedCopies * operand;
  const bool sharded = plan.zero_stage >= 1;
  const double replicas = sharded ? real(plan.data_parallel) : 1;
  const double expert_replicas = sharded ? real(plan.expert_replicas()) : 1;
  const double shard = held.dense / replicas + held.experts / expert_replicas;
  memory.optimizer = Bytes(kOptimizerBytes * shard);
  memory.gradients = (plan.zero_stage == 2 ? shard : total) * bytes_per_element(plan.gradient);
}

}  // namespace supernode
