#include "workloads/data_parallel_ops.hpp"

#include <string>

#include "base/numeric.hpp"

namespace supernode {

namespace {

// Dense or expert parameters: their groups, and what is added to the names of their operations.
struct Kind {
  GroupKind all, shard, replica;
  const char* suffix;
};
constexpr Kind kDense = {GroupKind::kData, GroupKind::kDataShard, GroupKind::kDataReplica, ""};
constexpr Kind kExperts = {GroupKind::kExpertData, GroupKind::kExpertShard, GroupKind::kExpertReplica, ".experts"};

std::int64_t size_of(const PlanSpec& plan, GroupKind group) {
  return static_cast<std::int64_t>(group_members(plan, group, 0).size());
}

// Without shard groups that are smaller all ranks are one.
GroupKind shard_group(const PlanSpec& plan, const Kind& kind) {
  return size_of(plan, kind.shard) == size_of(plan, kind.all) ? kind.all : kind.shard;
}

bool is_narrow(Precision p) { return bytes_per_element(p) < bytes_per_element(Precision::kBf16); }

void append_collective(const PlanSpec& plan, GroupKind group, const std::string& name, CollectiveOp op, Bytes bytes,
                       std::vector<Op>& ops) {
  if (size_of(plan, group) == 1 || bytes <= Bytes(0)) return;
  ops.push_back(comm_op(name, CommClass::kData, group, {.op = op, .bytes = bytes}));
}

// Parameters that travel in one format.
struct Payload {
  double elements = 0;
  Bytes wire{};  // bytes of one
};

// In 8 bit recipes only the layers' matrices travel quantised. Nothing travels wider than it is held.
std::vector<Payload> payloads(const PlanSpec& plan, double elements, double matrices) {
  const Bytes held = bytes_per_element(plan.parameter), gather = bytes_per_element(plan.gather);
  if (!is_narrow(plan.gather)) return {{elements, min(held, gather)}};
  return {{matrices, gather}, {elements - matrices, min(held, bytes_per_element(Precision::kBf16))}};
}

void append_gather(const RankShape& shape, const Kind& kind, double elements, double matrices, std::vector<Op>& ops) {
  const PlanSpec& plan = shape.plan;
  const GroupKind group = shard_group(plan, kind);
  const double ranks = real(size_of(plan, group));
  if (ranks == 1 || elements <= 0) return;
  const Bytes held = bytes_per_element(plan.parameter);
  Bytes sent{}, read{}, written{};
  for (const Payload& payload : payloads(plan, elements, matrices)) {
    sent += payload.elements * payload.wire;
    if (payload.wire == held) continue;
    read += payload.elements * held / ranks;
    written += payload.elements * payload.wire / ranks;
  }
  if (read > Bytes(0)) {
    ops.push_back(
        vector_op(std::string("param.cast") + kind.suffix, ComputeClass::kVector, VectorKind::kCast, read, written));
  }
  append_collective(plan, group, std::string("param.gather") + kind.suffix, CollectiveOp::kAllGather, sent, ops);
}

void append_reduce(const RankShape& shape, const Kind& kind, double elements, std::vector<Op>& ops) {
  const PlanSpec& plan = shape.plan;
  if (size_of(plan, kind.all) == 1 || elements <= 0) return;
  const Bytes bytes = elements * bytes_per_element(plan.reduce);
  const std::string name = std::string("grad.reduce") + kind.suffix;
  // Quantising reads the gradients; what comes back from the peers is read again and added up (ZeRO++, arXiv
  // 2306.10209, section 3.3: quantised gradients go all to all and are summed at full width).
  if (is_narrow(plan.reduce)) {
    ops.push_back(vector_op("grad.cast" + std::string(kind.suffix), ComputeClass::kVector, VectorKind::kCast,
                            elements * bytes_per_element(plan.gradient) + bytes, bytes));
  }
  if (plan.zero_stage == 0) return append_collective(plan, kind.all, name, CollectiveOp::kAllReduce, bytes, ops);
  const GroupKind group = shard_group(plan, kind);
  append_collective(plan, group, name, CollectiveOp::kReduceScatter, bytes, ops);
  if (group == kind.all) return;
  append_collective(plan, kind.replica, name + ".replicas", CollectiveOp::kAllReduce,
                    bytes / real(size_of(plan, group)), ops);
}

}  // namespace

std::vector<Op> gather_ops(const RankShape& shape, const RankWeights& weights) {
  if (shape.plan.zero_stage == 0) return {};
  const bool all = shape.plan.zero_stage >= 3 || shape.plan.lora.rank == 0;
  const double dense_matrices = all ? weights.matrices - weights.expert_matrices : 0;
  std::vector<Op> ops;
  append_gather(shape, kDense, all ? weights.dense : weights.trained.dense, dense_matrices, ops);
  append_gather(shape, kExperts, all ? weights.experts : weights.trained.experts, all ? weights.expert_matrices : 0,
                ops);
  return ops;
}

std::vector<Op> reduce_ops(const RankShape& shape, const RankWeights& weights) {
  std::vector<Op> ops;
  append_reduce(shape, kDense, weights.trained.dense, ops);
  append_reduce(shape, kExperts, weights.trained.experts, ops);
  return ops;
}

void make_async(std::vector<Op>& ops, EventSource& events) {
  for (Op& op : ops) {
    if (op.kind != Op::Kind::kComm) continue;
    op.kind = Op::Kind::kCommAsync;
    op.event = events.next();
  }
}

std::vector<Op> waits_for(const std::vector<Op>& ops) {
  std::vector<Op> waits;
  for (const Op& op : ops) {
    if (op.kind == Op::Kind::kCommAsync) waits.push_back(wait_op(op.name, op.comm_class, op.event));
  }
  return waits;
}

std::vector<Op> quantise_ops(const RankShape& shape, const RankWeights& weights, bool forward, bool backward) {
  if (!shape.quantised || weights.matrices == 0) return {};
  const PlanSpec& plan = shape.plan;
  const bool arrive = plan.gather == plan.compute && dense_shards(plan) > 1;
  const double copies = (forward && !arrive ? 1.0 : 0.0) + (backward ? 1.0 : 0.0);
  if (copies == 0) return {};
  const Bytes operand = bytes_per_element(plan.compute);
  return {vector_op("weights.quantise", ComputeClass::kVector, VectorKind::kCast,
                    weights.matrices * (arrive ? operand : shape.element), copies * weights.matrices * operand)};
}

}  // namespace supernode
