#include "workloads/optimizer_ops.hpp"

#include <string>

#include "base/numeric.hpp"
#include "workloads/muon.hpp"
#include "workloads/offload_ops.hpp"
#include "workloads/optimizer_states.hpp"

namespace supernode {

namespace {

Op all_reduce(const std::string& name, CommClass comm_class, GroupKind group, Bytes bytes) {
  return comm_op(name, comm_class, group, {.op = CollectiveOp::kAllReduce, .bytes = bytes});
}

bool shares_embedding(const RankShape& shape, std::int64_t stage) {
  const bool shared = shape.model.tied_embeddings || shape.model.mtp_layers > 0;
  const bool trained = shape.plan.lora.rank == 0;
  return shared && trained && has_embedding(shape.plan, stage) != has_head(shape.plan, stage);
}

// Gradients of parameters that several ranks hold and use on different tokens or at different ends of the model.
void append_shared_gradients(const RankShape& shape, const TrainedWeights& trained, std::int64_t stage,
                             std::vector<Op>& ops) {
  const Bytes element = bytes_per_element(shape.plan.gradient);
  if (shape.sequence_sharded && trained.replicated > 0) {
    ops.push_back(all_reduce("grad.replicated", CommClass::kTensor, GroupKind::kTensor, trained.replicated * element));
  }
  if (trained.key_value > 0) {
    ops.push_back(all_reduce("grad.key_value", CommClass::kTensor, GroupKind::kTensor, trained.key_value * element));
  }
  if (shares_embedding(shape, stage)) {
    const double table = real(padded_vocab(shape.model, shape.plan)) * real(shape.model.hidden) / real(shape.tensor);
    ops.push_back(all_reduce("grad.embedding", CommClass::kData, GroupKind::kEmbedding, table * element));
  }
}

// One fp32 sum of squares over all ranks, here over the data- and the tensor-parallel ones (latency only).
void append_gradient_norm(const RankShape& shape, std::vector<Op>& ops) {
  const Bytes scalar = bytes_per_element(Precision::kFp32);
  if (group_members(shape.plan, GroupKind::kData, 0).size() > 1) {
    ops.push_back(all_reduce("grad.norm", CommClass::kData, GroupKind::kData, scalar));
  }
  if (shape.tensor > 1) ops.push_back(all_reduce("grad.norm.tensor", CommClass::kTensor, GroupKind::kTensor, scalar));
}

Op update(const std::string& name, double parameters, Bytes read, Bytes written) {
  return vector_op(name, ComputeClass::kOptimizer, VectorKind::kOptimizer, parameters * read, parameters * written);
}

// What the update reads of a weight: the whole master, wherever its halves stand, or the weight itself.
Bytes updated_weight(const PlanSpec& plan) {
  return bytes_per_element(has_master(plan) ? plan.optimizer.master : plan.parameter);
}

// One fused pass: reads the gradient, the master weight (the weight itself where there is none) and the moments, and
// writes moments, master and weight.
Op elementwise_update(const PlanSpec& plan, const std::string& name, double parameters) {
  const Bytes moment = real(moments(plan, false)) * bytes_per_element(plan.optimizer.moment);
  const Bytes weight = bytes_per_element(plan.parameter), master = master_bytes(plan);
  const Bytes read = bytes_per_element(plan.gradient) + updated_weight(plan) + moment;
  return update(name, parameters, read, moment + master + weight);
}

// Momentum in one pass, which writes the bf16 matrix to orthogonalise; the iterations; the weights in another.
void append_muon(const RankShape& shape, const TrainedWeights& trained, std::int64_t stage, std::vector<Op>& ops) {
  const PlanSpec& plan = shape.plan;
  const double parameters = updated_parameters(plan, trained).matrices;
  const Bytes matrix = bytes_per_element(Precision::kBf16), moment = bytes_per_element(plan.optimizer.moment);
  const Bytes weight = bytes_per_element(plan.parameter), master = master_bytes(plan);
  ops.push_back(
      update("optimizer.muon.momentum", parameters, bytes_per_element(plan.gradient) + moment, moment + matrix));
  for (Op& op : newton_schulz_ops(shape, trained, stage)) ops.push_back(std::move(op));
  ops.push_back(update("optimizer.muon.update", parameters, matrix + updated_weight(plan), master + weight));
}

void append_update(const RankShape& shape, const TrainedWeights& trained, std::int64_t stage, std::vector<Op>& ops) {
  const UpdatedParameters updated = updated_parameters(shape.plan, trained);
  if (updated.matrices > 0) append_muon(shape, trained, stage, ops);
  const std::string name = shape.plan.optimizer.kind == OptimizerKind::kSgd ? "optimizer.sgd" : "optimizer.adam";
  ops.push_back(elementwise_update(shape.plan, name, updated.others));
}

}  // namespace

std::vector<Op> optimizer_ops(const RankShape& shape, const RankWeights& weights, std::int64_t stage) {
  std::vector<Op> ops;
  append_shared_gradients(shape, weights.trained, stage, ops);
  append_gradient_norm(shape, ops);
  const Bytes streamed = shape.plan.offload.optimizer * optimizer_bytes(shape.plan, weights.trained);
  if (streamed > Bytes(0)) ops.push_back(host_op("optimizer.fetch", streamed));
  append_update(shape, weights.trained, stage, ops);
  if (streamed > Bytes(0)) ops.push_back(host_op("optimizer.evict", streamed));
  return ops;
}

}  // namespace supernode
