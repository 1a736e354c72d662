#include "workloads/optimizer_states.hpp"

#include "base/numeric.hpp"

namespace supernode {

bool has_master(const PlanSpec& plan) {
  return bytes_per_element(plan.optimizer.master) > bytes_per_element(plan.parameter);
}

Bytes master_bytes(const PlanSpec& plan) {
  if (!has_master(plan)) return Bytes(0);
  const Bytes whole = bytes_per_element(plan.optimizer.master);
  return plan.optimizer.split_master ? whole - bytes_per_element(plan.parameter) : whole;
}

std::int64_t moments(const PlanSpec& plan, bool layer_matrix) {
  switch (plan.optimizer.kind) {
    case OptimizerKind::kAdam:
      return 2;
    case OptimizerKind::kMuon:
      return layer_matrix ? 1 : 2;
    case OptimizerKind::kSgd:
      return 1;
  }
  return 0;
}

UpdatedParameters updated_parameters(const PlanSpec& plan, const TrainedWeights& trained) {
  const double dense = real(dense_shards(plan)), experts = real(expert_shards(plan));
  UpdatedParameters updated;
  if (plan.optimizer.kind == OptimizerKind::kMuon) {
    updated.matrices = trained.dense_matrices / dense + trained.expert_matrices / experts;
  }
  updated.others = trained.dense / dense + trained.experts / experts - updated.matrices;
  return updated;
}

Bytes optimizer_bytes(const PlanSpec& plan, const TrainedWeights& trained) {
  const UpdatedParameters updated = updated_parameters(plan, trained);
  const Bytes moment = bytes_per_element(plan.optimizer.moment);
  return updated.total() * master_bytes(plan) +
         (updated.matrices * real(moments(plan, true)) + updated.others * real(moments(plan, false))) * moment;
}

}  // namespace supernode
