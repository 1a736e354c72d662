#include "workloads/rank_weights.hpp"

#include "base/numeric.hpp"
#include "workloads/layer_parameters.hpp"

namespace supernode {

namespace {

// `sharded` is split over TP; `replicated` is not.
RankWeights dense_weights(const PlanSpec& plan, double sharded, double replicated, double quantised) {
  return {.dense = sharded / real(plan.tensor_parallel) + replicated, .replicated = replicated, .matrices = quantised};
}

RankWeights mlp_weights(const ModelSpec& model, const PlanSpec& plan, std::int64_t width) {
  if (width == 0) return {};
  const double matrices = mlp_matrices(model, width);
  const Biases biases = mlp_biases(model, width);
  return dense_weights(plan, matrices + biases.sharded, biases.replicated, matrices / real(plan.tensor_parallel));
}

RankWeights expert_weights(const ModelSpec& model, const PlanSpec& plan) {
  const double experts = real(model.moe.experts) / real(plan.expert_parallel);
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
                                      attention.sharded / real(plan.tensor_parallel) + attention.replicated);
  if (!moe) return weights += mlp_weights(model, plan, model.ffn);
  weights += mlp_weights(model, plan, model.shared_width());
  weights += dense_weights(plan, 0, real(model.hidden) * real(model.moe.experts), 0);  // router
  return weights += expert_weights(model, plan);
}

RankWeights embedding_weights(const ModelSpec& model, const PlanSpec& plan) {
  const double positions =
      model.position == PositionKind::kLearned ? real(model.max_positions) * real(model.hidden) : 0;
  return dense_weights(plan, real(model.vocab) * real(model.hidden), positions, 0);
}

RankWeights head_weights(const ModelSpec& model, const PlanSpec& plan) {
  const double table = real(model.vocab) * real(model.hidden);
  const bool has_copy = head_stage(plan) != 0;
  double sharded = model.tied_embeddings ? 0 : table;
  if (has_copy && (model.tied_embeddings || model.mtp_layers > 0)) sharded += table;
  return dense_weights(plan, sharded, norm_parameters(model, model.hidden), 0);
}

RankWeights mtp_input_weights(const ModelSpec& model, const PlanSpec& plan) {
  const double projection = mtp_projection(model);
  return dense_weights(plan, projection, mtp_norms(model), projection / real(plan.tensor_parallel));
}

RankWeights stage_weights(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage) {
  RankWeights held;
  for (std::int64_t chunk = 0; chunk < plan.virtual_stages; ++chunk) {
    const LayerRange range = layers_of(plan, model, stage, chunk);
    for (std::int64_t i = range.first; i < range.last; ++i) held += layer_weights(model, plan, model.is_moe(i));
  }
  if (stage == 0) held += embedding_weights(model, plan);
  if (stage != head_stage(plan)) return held;
  held += head_weights(model, plan);
  for (std::int64_t module = 0; module < model.mtp_layers; ++module) {
    held += mtp_input_weights(model, plan);
    held += layer_weights(model, plan, mtp_is_moe(model));
  }
  return held;
}

}  // namespace supernode
