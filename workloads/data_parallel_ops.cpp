#include "workloads/data_parallel_ops.hpp"

#include <string>

#include "base/numeric.hpp"

namespace supernode {

namespace {

// The same collective for dense and expert weights, over their groups.
std::vector<Op> over_replicas(const RankShape& shape, const RankWeights& weights, const std::string& name,
                              CollectiveOp op, Bytes element) {
  std::vector<Op> ops;
  if (shape.plan.data_parallel > 1 && weights.dense > 0) {
    ops.push_back(comm_op(name, CommClass::kData, GroupKind::kData, {.op = op, .bytes = weights.dense * element}));
  }
  if (shape.plan.expert_replicas() > 1 && weights.experts > 0) {
    ops.push_back(comm_op(name + ".experts", CommClass::kData, GroupKind::kExpertData,
                          {.op = op, .bytes = weights.experts * element}));
  }
  return ops;
}

Op all_reduce(const std::string& name, CommClass comm_class, GroupKind group, Bytes bytes) {
  return comm_op(name, comm_class, group, {.op = CollectiveOp::kAllReduce, .bytes = bytes});
}

bool shares_embedding(const RankShape& shape, std::int64_t stage) {
  const std::int64_t head = head_stage(shape.plan);
  const bool shared = shape.model.tied_embeddings || shape.model.mtp_layers > 0;
  return shared && head != 0 && (stage == 0 || stage == head);
}

// Gradients of parameters that several ranks hold and use on different tokens or at different ends of the model.
void append_shared_gradients(const RankShape& shape, const RankWeights& weights, std::int64_t stage,
                             std::vector<Op>& ops) {
  const Bytes element = bytes_per_element(shape.plan.gradient);
  if (shape.sequence_sharded) {
    ops.push_back(all_reduce("grad.replicated", CommClass::kTensor, GroupKind::kTensor, weights.replicated * element));
  }
  if (shares_embedding(shape, stage)) {
    const double table = real(shape.model.vocab) * real(shape.model.hidden) / real(shape.tensor);
    ops.push_back(all_reduce("grad.embedding", CommClass::kData, GroupKind::kEmbedding, table * element));
  }
}

// One fp32 sum of squares over all ranks, here over the data- and the tensor-parallel ones (latency only).
void append_gradient_norm(const RankShape& shape, std::vector<Op>& ops) {
  const Bytes scalar = bytes_per_element(Precision::kFp32);
  if (shape.plan.data_parallel > 1) {
    ops.push_back(all_reduce("grad.norm", CommClass::kData, GroupKind::kData, scalar));
  }
  if (shape.tensor > 1) ops.push_back(all_reduce("grad.norm.tensor", CommClass::kTensor, GroupKind::kTensor, scalar));
}

// Adam reads the gradient and, in fp32, master weights and two moments; it writes the three back and the weights in the
// activations' precision.
Op adam(const RankShape& shape, const RankWeights& weights) {
  const PlanSpec& plan = shape.plan;
  const bool sharded = plan.zero_stage > 0;
  const double parameters = weights.dense / (sharded ? real(plan.data_parallel) : 1.0) +
                            weights.experts / (sharded ? real(plan.expert_replicas()) : 1.0);
  const Bytes state = 3.0 * bytes_per_element(Precision::kFp32);
  return vector_op("optimizer.adam", ComputeClass::kOptimizer, VectorKind::kOptimizer,
                   parameters * (bytes_per_element(plan.gradient) + state), parameters * (state + shape.element));
}

}  // namespace

std::vector<Op> gather_ops(const RankShape& shape, const RankWeights& weights) {
  if (shape.plan.zero_stage == 0) return {};
  return over_replicas(shape, weights, "param.gather", CollectiveOp::kAllGather, shape.element);
}

std::vector<Op> reduce_ops(const RankShape& shape, const RankWeights& weights) {
  const auto op = shape.plan.zero_stage == 0 ? CollectiveOp::kAllReduce : CollectiveOp::kReduceScatter;
  return over_replicas(shape, weights, "grad.reduce", op, bytes_per_element(shape.plan.reduce));
}

void make_async(std::vector<Op>& ops, EventSource& events) {
  for (Op& op : ops) {
    op.kind = Op::Kind::kCommAsync;
    op.event = events.next();
  }
}

std::vector<Op> waits_for(const std::vector<Op>& async_ops) {
  std::vector<Op> waits;
  for (const Op& op : async_ops) waits.push_back(wait_op(op.name, op.comm_class, op.event));
  return waits;
}

std::vector<Op> quantise_ops(const RankShape& shape, const RankWeights& weights) {
  if (!shape.quantised || weights.matrices == 0) return {};
  const Bytes copies = 2.0 * weights.matrices * bytes_per_element(shape.plan.compute);
  return {vector_op("weights.quantise", ComputeClass::kVector, VectorKind::kCast, weights.matrices * shape.element,
                    copies)};
}

std::vector<Op> optimizer_ops(const RankShape& shape, const RankWeights& weights, std::int64_t stage) {
  std::vector<Op> ops;
  append_shared_gradients(shape, weights, stage, ops);
  append_gradient_norm(shape, ops);
  ops.push_back(adam(shape, weights));
  return ops;
}

}  // namespace supernode
