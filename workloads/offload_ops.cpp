#include "workloads/offload_ops.hpp"

#include "workloads/memory_activations.hpp"

namespace supernode {

Op host_op(const std::string& name, Bytes bytes) {
  return comm_op(name, CommClass::kHost, GroupKind::kTensor, {.op = CollectiveOp::kSendRecv, .bytes = bytes});
}

Bytes swapped_activations(const RankShape& shape, const LayerForm& form, Recompute recompute) {
  if (shape.plan.offload.activations == 0) return Bytes(0);
  PlanSpec plan = shape.plan;
  plan.recompute = recompute;
  return shape.plan.offload.activations * layer_activations(shape.model, plan, form).kept;
}

}  // namespace supernode
