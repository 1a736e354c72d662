#include "workloads/muon.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <queue>

#include "base/numeric.hpp"
#include "workloads/layer_matrices.hpp"
#include "workloads/layer_parameters.hpp"
#include "workloads/optimizer_states.hpp"

namespace supernode {

namespace {

using Shape = std::pair<std::int64_t, std::int64_t>;  // rows <= columns
using Counts = std::map<Shape, std::int64_t>;

// The orthogonalised matrices travel and multiply in bf16 (arXiv 2502.16982, section 2.3).
constexpr Precision kUpdate = Precision::kBf16;

Shape shape_of(double in, double out) {
  const auto a = static_cast<std::int64_t>(std::llround(in)), b = static_cast<std::int64_t>(std::llround(out));
  return {std::min(a, b), std::max(a, b)};
}

// Matrices of one stage, dense and experts apart (of experts those of one expert-parallel rank).
struct StageMatrices {
  Counts dense, experts;
};

void add(const PlanSpec& plan, const LayerMatrix& m, StageMatrices& to) {
  const double ranks = m.expert ? real(plan.expert_parallel) : 1;
  const auto count = static_cast<std::int64_t>(std::llround(m.count / ranks));
  Counts& counts = m.expert ? to.experts : to.dense;
  if (plan.lora.rank == 0) {
    counts[shape_of(m.in, m.out)] += count;
    return;
  }
  if (m.router || (plan.lora.attention_only && !m.attention)) return;
  counts[shape_of(m.in, real(plan.lora.rank))] += count;
  counts[shape_of(real(plan.lora.rank), m.out)] += count;
}

void add_layer(const ModelSpec& model, const PlanSpec& plan, const LayerForm& form, StageMatrices& to) {
  for (const LayerMatrix& m : layer_matrices(model, form)) add(plan, m, to);
}

StageMatrices stage_matrices(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage) {
  StageMatrices all;
  for (std::int64_t chunk = 0; chunk < plan.virtual_stages; ++chunk) {
    const LayerRange range = layers_of(plan, model, stage, chunk);
    for (std::int64_t i = range.first; i < range.last; ++i) add_layer(model, plan, model.layer_form(i), all);
  }
  if (!has_head(plan, stage)) return all;
  for (std::int64_t module = 0; module < model.mtp_layers; ++module) {
    add(plan, mtp_matrix(model), all);
    add_layer(model, plan, mtp_form(model), all);
  }
  return all;
}

double work_of(const Shape& shape) { return newton_schulz_flops(real(shape.first), real(shape.second)).value(); }

// Largest first, each to the owner with the least work; what the busiest ends up with.
Counts busiest(const Counts& counts, std::int64_t owners) {
  std::vector<Shape> shapes;
  for (const auto& [shape, count] : counts) shapes.push_back(shape);
  std::sort(shapes.begin(), shapes.end(), [](const Shape& a, const Shape& b) { return work_of(a) > work_of(b); });
  using Load = std::pair<double, std::size_t>;
  std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
  for (std::int64_t i = 0; i < owners; ++i) loads.emplace(0, static_cast<std::size_t>(i));
  std::vector<Counts> owned(static_cast<std::size_t>(owners));
  Load most;
  for (const Shape& shape : shapes) {
    for (std::int64_t i = 0; i < counts.at(shape); ++i) {
      const auto [load, owner] = loads.top();
      loads.pop();
      ++owned[owner][shape];
      loads.emplace(load + work_of(shape), owner);
      most = std::max(most, Load(load + work_of(shape), owner));
    }
  }
  return owned[most.second];
}

Op product(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t groups) {
  return compute_op("optimizer.newton_schulz", ComputeClass::kOptimizer,
                    GemmKernel{.m = m, .n = n, .k = k, .groups = groups, .precision = kUpdate});
}

// Slices of momentum travel to the matrices' owners, or slices of updates back: all to all. Tensor ranks hold slices of
// split matrices; at ZeRO-3 each rank of the shard group holds rows of every matrix.
void append_exchange(const PlanSpec& plan, const TrainedWeights& trained, const std::string& name,
                     std::vector<Op>& ops) {
  const Bytes element = bytes_per_element(kUpdate);
  const auto exchange = [&](const char* suffix, CommClass comm_class, GroupKind group, double elements, bool moves) {
    const CollectiveCall call{.op = CollectiveOp::kAllToAll, .bytes = elements * element};
    if (moves && elements > 0) ops.push_back(comm_op(name + suffix, comm_class, group, call));
  };
  const std::int64_t dense = dense_shards(plan), experts = expert_shards(plan);
  const double dense_elements = trained.dense_matrices / real(dense);
  const double expert_elements = trained.expert_matrices / real(experts);
  exchange("", CommClass::kTensor, GroupKind::kTensor, dense_elements, plan.tensor_parallel > 1);
  exchange(".experts", CommClass::kExpert, GroupKind::kExpertTensor, expert_elements, plan.expert_tensor_parallel > 1);
  if (plan.zero_stage < 3) return;
  exchange(".shards", CommClass::kData, GroupKind::kDataShard, dense_elements, dense > 1);
  exchange(".shards.experts", CommClass::kData, GroupKind::kExpertShard, expert_elements, experts > 1);
}

}  // namespace

Flops newton_schulz_flops(double rows, double columns) {
  return Flops(kNewtonSchulzIterations * (4 * rows * rows * columns + 2 * rows * rows * rows));
}

std::vector<MuonMatrices> owned_matrices(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage) {
  const StageMatrices all = stage_matrices(model, plan, stage);
  Counts owned = busiest(all.dense, plan.tensor_parallel * dense_shards(plan));
  for (const auto& [shape, count] : busiest(all.experts, plan.expert_tensor_parallel * expert_shards(plan))) {
    owned[shape] += count;
  }
  std::vector<MuonMatrices> out;
  for (const auto& [shape, count] : owned) out.push_back({shape.first, shape.second, count});
  return out;
}

std::vector<Op> newton_schulz_ops(const RankShape& shape, const TrainedWeights& trained, std::int64_t stage) {
  std::vector<Op> ops;
  append_exchange(shape.plan, trained, "optimizer.muon.gather", ops);
  for (const MuonMatrices& m : owned_matrices(shape.model, shape.plan, stage)) {
    for (int i = 0; i < kNewtonSchulzIterations; ++i) {
      ops.push_back(product(m.rows, m.rows, m.columns, m.count));  // A = X·Xᵀ
      ops.push_back(product(m.rows, m.rows, m.rows, m.count));     // B = b·A + c·A·A
      ops.push_back(product(m.rows, m.columns, m.rows, m.count));  // X = a·X + B·X
    }
  }
  append_exchange(shape.plan, trained, "optimizer.muon.scatter", ops);
  return ops;
}

}  // namespace supernode
