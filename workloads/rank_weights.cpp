#include "workloads/rank_weights.hpp"

#include "workloads/layer_parameters.hpp"

namespace supernode {

namespace {

double d(std::int64_t value) { return static_cast<double>(value); }

// `sharded` is split over TP; `replicated` is not.
RankWeights dense_weights(const PlanSpec& plan, double sharded, double replicated, double quantised) {
  return {.dense = sharded / d(plan.tensor_parallel) + replicated, .replicated = replicated, .matrices = quantised};
}

RankWeights mlp_weights(const ModelSpec& model, const PlanSpec& plan, std::int64_t width) {
  if (width == 0) return {};
  const double matrices = mlp_matrices(model, width);
  const Biases biases = mlp_biases(model, width);
  return dense_weights(plan, matrices + biases.sharded, biases.replicated, matrices / d(plan.tensor_parallel));
}

RankWeights expert_weights(const ModelSpec& model, const PlanSpec& plan) {
  const double experts = d(model.moe.experts) / d(plan.expert_parallel);
  const double matrices = experts * mlp_matrices(model, model.moe.ffn);
  return {.experts = matrices + experts * mlp_biases(model, model.moe.ffn).total(), .matrices = matrices};
}

}  // namespace

RankWeights& RankWeights::operator+=(const RankWeights& other) {
  dense += other.dense;
  replicated += other.replicated;
  experts += other.experts;
  matrices += other.matrices;
  return *this;
}

RankWeights layer_weights(const ModelSpec& model, const PlanSpec& plan, bool moe) {
  const AttentionMatrices attention = attention_matrices(model);
  const Biases biases = attention_biases(model);
  RankWeights weights = dense_weights(plan, attention.sharded + biases.sharded,
                                      attention.replicated + biases.replicated + layer_norms(model),
                                      attention.sharded / d(plan.tensor_parallel) + attention.replicated);
  if (!moe) return weights += mlp_weights(model, plan, model.ffn);
  weights += mlp_weights(model, plan, model.shared_width());
  weights += dense_weights(plan, 0, d(model.hidden) * d(model.moe.experts), 0);  // router
  return weights += expert_weights(model, plan);
}

RankWeights embedding_weights(const ModelSpec& model, const PlanSpec& plan) {
  const double positions = model.position == PositionKind::kLearned ? d(model.max_positions) * d(model.hidden) : 0;
  return dense_weights(plan, d(model.vocab) * d(model.hidden), positions, 0);
}

RankWeights head_weights(const ModelSpec& model, const PlanSpec& plan) {
  const double table = d(model.vocab) * d(model.hidden);
  const bool has_copy = head_stage(plan) != 0;
  double sharded = model.tied_embeddings ? 0 : table;
  if (has_copy && (model.tied_embeddings || model.mtp_layers > 0)) sharded += table;
  return dense_weights(plan, sharded, norm_parameters(model, model.hidden), 0);
}

RankWeights mtp_input_weights(const ModelSpec& model, const PlanSpec& plan) {
  const double projection = mtp_projection(model);
  return dense_weights(plan, projection, mtp_norms(model), projection / d(plan.tensor_parallel));
}

}  // namespace supernode
