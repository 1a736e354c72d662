#include "workloads/rank_weights.hpp"

#include "base/numeric.hpp"
#include "workloads/layer_matrices.hpp"
#include "workloads/layer_parameters.hpp"

namespace supernode {

namespace {

// `sharded` is split over TP; `replicated` is not.
RankWeights dense_weights(const PlanSpec& plan, const SplitParameters& count, double quantised) {
  return {.dense = count.sharded / real(plan.tensor_parallel) + count.replicated,
          .replicated = count.replicated,
          .matrices = quantised};
}

RankWeights mlp_weights(const ModelSpec& model, const PlanSpec& plan, std::int64_t width) {
  if (width == 0) return {};
  const double matrices = mlp_matrices(model, width);
  const Biases biases = mlp_biases(model, width);
  return dense_weights(plan, {.sharded = matrices + biases.sharded, .replicated = biases.replicated},
                       matrices / real(plan.tensor_parallel));
}

RankWeights expert_weights(const ModelSpec& model, const PlanSpec& plan) {
  const double experts = real(model.moe.experts) / real(plan.expert_parallel);
  const double split = real(plan.expert_tensor_parallel);
  const double matrices = experts * mlp_matrices(model, model.moe.ffn) / split;
  const Biases biases = mlp_biases(model, model.moe.ffn);
  return {.experts = matrices + experts * (biases.sharded / split + biases.replicated),
          .matrices = matrices,
          .expert_matrices = matrices};
}

// What a rank holds of key and value projections beyond its share of them, when there are more tensor ranks than
// key-value heads: each rank has one head.
double extra_key_value(const ModelSpec& model, const PlanSpec& plan) {
  const AttentionSpec& a = model.attention;
  const bool by_heads = a.kind == AttentionKind::kMha || a.kind == AttentionKind::kGqa;
  if (!by_heads || a.kv_heads >= plan.tensor_parallel) return 0;
  const double head = 2 * (real(model.hidden) + (a.bias ? 1 : 0)) * real(a.head_dim);
  return head * (1 - real(a.kv_heads) / real(plan.tensor_parallel));
}

// One rank's elements of a matrix `in` × `out`.
double on_rank(const LayerMatrix& m, const PlanSpec& plan, double elements, bool split) {
  const double ways = !split ? 1 : real(m.expert ? plan.expert_tensor_parallel : plan.tensor_parallel);
  return elements / ways / (m.expert ? real(plan.expert_parallel) : 1);
}

// All that is held is trained; matrices of the layers apart.
void train_all(const PlanSpec& plan, const std::vector<LayerMatrix>& matrices, RankWeights& weights) {
  TrainedWeights& t = weights.trained;
  t.dense = weights.dense, t.replicated = weights.replicated, t.experts = weights.experts;
  for (const LayerMatrix& m : matrices) {
    const double held = on_rank(m, plan, m.elements(), m.spread != MatrixSpread::kReplicated);
    (m.expert ? t.expert_matrices : t.dense_matrices) += held;
  }
}

// Adapters in → rank → out beside the matrices (arXiv 2106.09685, section 4.1). The half on the split side of the
// matrix is split with it, the other is on all tensor ranks alike.
void train_adapters(const PlanSpec& plan, const std::vector<LayerMatrix>& matrices, RankWeights& weights) {
  TrainedWeights& t = weights.trained;
  for (const LayerMatrix& m : matrices) {
    if (m.router || (plan.lora.attention_only && !m.attention)) continue;
    const double rank = real(plan.lora.rank);
    const double down = on_rank(m, plan, m.count * m.in * rank, m.spread == MatrixSpread::kRow);
    const double up = on_rank(m, plan, m.count * rank * m.out, m.spread == MatrixSpread::kColumn);
    (m.expert ? t.experts : t.dense) += down + up;
    (m.expert ? t.expert_matrices : t.dense_matrices) += down + up;
    if (m.expert) continue;
    t.replicated += m.spread != MatrixSpread::kRow ? down : 0;
    t.replicated += m.spread != MatrixSpread::kColumn ? up : 0;
  }
  weights.dense += t.dense;
  weights.replicated += t.replicated;
  weights.experts += t.experts;
}

RankWeights with_trained(const PlanSpec& plan, const std::vector<LayerMatrix>& matrices, RankWeights weights) {
  if (plan.lora.rank == 0) {
    train_all(plan, matrices, weights);
  } else {
    train_adapters(plan, matrices, weights);
  }
  return weights;
}

RankWeights times(double factor, RankWeights weights) {
  weights.dense *= factor, weights.replicated *= factor, weights.matrices *= factor;
  return weights;
}

RankWeights attention_weights(const ModelSpec& model, const PlanSpec& plan, const LayerForm& form) {
  const AttentionMatrices matrices = attention_matrices(model, form);
  const Biases biases = attention_biases(model);
  RankWeights weights = dense_weights(
      plan, {.sharded = matrices.sharded + biases.sharded, .replicated = matrices.replicated + biases.replicated},
      matrices.sharded / real(plan.tensor_parallel) + matrices.replicated);
  const double extra = extra_key_value(model, plan);
  weights.dense += extra;
  weights.matrices += extra;
  return weights;
}

// Padding of one vocabulary matrix.
double vocabulary_padding(const ModelSpec& model, const PlanSpec& plan) {
  return real(padded_vocab(model, plan) - model.vocab) * real(model.hidden);
}

}  // namespace

RankWeights& RankWeights::operator+=(const RankWeights& other) {
  dense += other.dense;
  replicated += other.replicated;
  experts += other.experts;
  matrices += other.matrices;
  expert_matrices += other.expert_matrices;
  trained.dense += other.trained.dense;
  trained.replicated += other.trained.replicated;
  trained.experts += other.trained.experts;
  trained.dense_matrices += other.trained.dense_matrices;
  trained.expert_matrices += other.trained.expert_matrices;
  trained.key_value += other.trained.key_value;
  return *this;
}

RankWeights layer_weights(const ModelSpec& model, const PlanSpec& plan, const LayerForm& form) {
  const double blocks = real(attention_blocks(model));
  RankWeights weights = times(blocks, attention_weights(model, plan, form));
  weights += dense_weights(plan, {.replicated = layer_norms(model, form)}, 0);
  weights += times(real(dense_mlps(model, form)), mlp_weights(model, plan, model.ffn));
  if (form.moe) {
    weights += mlp_weights(model, plan, model.shared_width());
    weights += dense_weights(plan, {.replicated = router_matrix(model, form)}, 0);
    weights += expert_weights(model, plan);
  }
  weights = with_trained(plan, layer_matrices(model, form), weights);
  const double extra = blocks * extra_key_value(model, plan);
  if (plan.lora.rank > 0 || extra == 0) return weights;
  weights.trained.dense_matrices += extra;
  weights.trained.key_value = blocks * 2 * real(model.hidden) * real(model.attention.head_dim);
  return weights;
}

RankWeights embedding_weights(const ModelSpec& model, const PlanSpec& plan) {
  SplitParameters count = embedding_parameters(model);
  count.sharded += vocabulary_padding(model, plan) - model.ngram_parameters;
  RankWeights weights = dense_weights(plan, count, 0);
  // The rows of n-gram tables are spread over the ranks that share one copy of the states, as a recommender's are:
  // counted with the experts, which too stand on some ranks only.
  weights.experts += model.ngram_parameters / real(plan.tensor_parallel * plan.shards());
  return with_trained(plan, {}, weights);
}

RankWeights head_weights(const ModelSpec& model, const PlanSpec& plan) {
  const bool has_copy = !has_head(plan, 0);
  SplitParameters count = head_parameters(model);
  if (!model.tied_embeddings) count.sharded += vocabulary_padding(model, plan);
  if (has_copy && (model.tied_embeddings || model.mtp_layers > 0)) {
    count.sharded += real(padded_vocab(model, plan)) * real(model.hidden);
  }
  return with_trained(plan, {}, dense_weights(plan, count, 0));
}

RankWeights mtp_input_weights(const ModelSpec& model, const PlanSpec& plan) {
  const double projection = mtp_projection(model);
  return with_trained(plan, {mtp_matrix(model)},
                      dense_weights(plan, {.sharded = projection, .replicated = mtp_norms(model)},
                                    projection / real(plan.tensor_parallel)));
}

RankWeights stage_weights(const ModelSpec& model, const PlanSpec& plan, std::int64_t stage) {
  RankWeights held;
  for (std::int64_t chunk = 0; chunk < plan.virtual_stages; ++chunk) {
    const LayerRange range = layers_of(plan, model, stage, chunk);
    for (std::int64_t i = range.first; i < range.last; ++i) held += layer_weights(model, plan, model.layer_form(i));
  }
  if (has_embedding(plan, stage)) held += embedding_weights(model, plan);
  if (!has_head(plan, stage)) return held;
  held += head_weights(model, plan);
  for (std::int64_t module = 0; module < model.mtp_layers; ++module) {
    held += mtp_input_weights(model, plan);
    held += layer_weights(model, plan, mtp_form(model));
  }
  return held;
}

std::int64_t dense_shards(const PlanSpec& plan) {
  if (plan.zero_stage == 0) return 1;
  return static_cast<std::int64_t>(group_members(plan, GroupKind::kDataShard, 0).size());
}

std::int64_t expert_shards(const PlanSpec& plan) {
  if (plan.zero_stage == 0) return 1;
  return static_cast<std::int64_t>(group_members(plan, GroupKind::kExpertShard, 0).size());
}

}  // namespace supernode
