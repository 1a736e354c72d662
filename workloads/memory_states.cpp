#include "workloads/memory_states.hpp"

#include <algorithm>
#include <cassert>

#include "workloads/layer_parameters.hpp"

namespace supernode {
namespace {

double d(std::int64_t value) { return static_cast<double>(value); }

// Adam in mixed precision: fp32 master weight and two fp32 moments (ZeRO, arXiv 1910.02054, section 3.1).
constexpr double kOptimizerBytes = 12;

// Formats below bf16 keep the bf16 weight and two quantised copies, one for each operand orientation (Transformer
// Engine, "Using FP8": Hopper's FP8 matrix units take transposed operands only; block formats scale along each axis).
constexpr double kQuantisedCopies = 2;

void add_matrices(double per_rank, RankParameters& p) {
  p.dense += per_rank;
  p.matrices += per_rank;
}

void add_mlp(const ModelSpec& model, std::int64_t width, double tp, RankParameters& p) {
  const Biases biases = mlp_biases(model, width);
  add_matrices(mlp_matrices(model, width) / tp, p);
  p.dense += biases.sharded / tp + biases.replicated;
}

void add_moe(const ModelSpec& model, const PlanSpec& plan, RankParameters& p) {
  const double local = d(model.moe.experts) / d(plan.expert_parallel);
  p.experts += local * (mlp_matrices(model, model.moe.ffn) + mlp_biases(model, model.moe.ffn).total());
  p.matrices += local * mlp_matrices(model, model.moe.ffn);
  if (model.shared_width() > 0) add_mlp(model, model.shared_width(), d(plan.tensor_parallel), p);
  p.dense += d(model.hidden) * d(model.moe.experts);  // router, replicated
}

void add_layer(const ModelSpec& model, const PlanSpec& plan, bool moe, RankParameters& p) {
  const double tp = d(plan.tensor_parallel);
  const AttentionMatrices attention = attention_matrices(model);
  const Biases biases = attention_biases(model);
  add_matrices(attention.sharded / tp + attention.replicated, p);
  p.dense += biases.sharded / tp + biases.replicated + layer_norms(model);
  if (moe)
    add_moe(model, plan, p);
  else
    add_mlp(model, model.ffn, tp, p);
}

double embedding(const ModelSpec& model, const PlanSpec& plan) {
  return d(model.vocab) * d(model.hidden) / d(plan.tensor_parallel);
}

void add_first_stage(const ModelSpec& model, const PlanSpec& plan, RankParameters& p) {
  p.dense += embedding(model, plan);
  if (model.position == PositionKind::kLearned) p.dense += d(model.max_positions) * d(model.hidden);
}

// Head, final norm and MTP modules. A tied head, or an MTP module's embedding, needs its own copy of the table when
// the first stage is elsewhere.
void add_last_stage(const ModelSpec& model, const PlanSpec& plan, RankParameters& p) {
  p.dense += norm_parameters(model, model.hidden);
  const bool table_is_here = head_stage(plan) == 0;
  if (!model.tied_embeddings || !table_is_here) p.dense += embedding(model, plan);
  if (model.mtp_layers == 0) return;
  if (!model.tied_embeddings && !table_is_here) p.dense += embedding(model, plan);
  for (std::int64_t module = 0; module < model.mtp_layers; ++module) {
    add_layer(model, plan, mtp_is_moe(model), p);
    add_matrices(mtp_projection(model) / d(plan.tensor_parallel), p);
    p.dense += mtp_norms(model);
  }
}

}  // namespace

RankParameters rank_parameters(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage) {
  RankParameters p;
  for (std::int64_t chunk = 0; chunk < plan.virtual_stages; ++chunk) {
    const LayerRange range = layers_of(plan, model, stage, chunk);
    for (std::int64_t layer = range.first; layer < range.last; ++layer) add_layer(model, plan, model.is_moe(layer), p);
  }
  if (stage == 0) add_first_stage(model, plan, p);
  if (stage == head_stage(plan)) add_last_stage(model, plan, p);
  return p;
}

void add_model_states(const PlanSpec& plan, const RankParameters& parameters, StageMemory& memory) {
  assert(plan.data_parallel > 0);
  const double total = parameters.dense + parameters.experts;
  const Bytes weight = bytes_per_element(Precision::kBf16);
  const Bytes operand = bytes_per_element(plan.compute);
  memory.weights = total * max(weight, operand);
  if (operand < weight) memory.weights += parameters.matrices * kQuantisedCopies * operand;
  memory.gradients = total * bytes_per_element(plan.gradient);
  const bool sharded = plan.zero_stage >= 1;
  const double replicas = sharded ? d(plan.data_parallel) : 1;
  const double expert_replicas = sharded ? d(plan.data_parallel * plan.tensor_parallel) / d(plan.expert_parallel) : 1;
  memory.optimizer = Bytes(kOptimizerBytes * (parameters.dense / replicas + parameters.experts / expert_replicas));
}

}  // namespace supernode
