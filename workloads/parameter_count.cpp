#include "base/numeric.hpp"
#include "workloads/layer_parameters.hpp"

namespace supernode {
namespace {

double mlp_parameters(const ModelSpec& model, std::int64_t width) {
  return mlp_matrices(model, width) + mlp_biases(model, width).total();
}

double attention_parameters(const ModelSpec& model) {
  return attention_matrices(model).total() + attention_biases(model).total();
}

void add_moe_layer(const ModelSpec& model, ParameterCount& count) {
  count.experts += real(model.moe.experts) * mlp_parameters(model, model.moe.ffn);
  if (model.shared_width() > 0) count.shared_experts += mlp_parameters(model, model.shared_width());
  count.router += real(model.hidden) * real(model.moe.experts);
}

void add_layer(const ModelSpec& model, bool moe, ParameterCount& count) {
  count.attention += attention_parameters(model);
  count.norms += layer_norms(model);
  if (moe)
    add_moe_layer(model, count);
  else
    count.dense_mlp += mlp_parameters(model, model.ffn);
}

double mtp_parameters(const ModelSpec& model) {
  ParameterCount module;
  add_layer(model, mtp_is_moe(model), module);
  return real(model.mtp_layers) * (module.total() + mtp_projection(model) + mtp_norms(model));
}

}  // namespace

double ParameterCount::total() const {
  return embedding + head + attention + dense_mlp + experts + shared_experts + router + norms;
}

ParameterCount count_parameters(const ModelSpec& model) {
  ParameterCount count;
  count.embedding = real(model.vocab) * real(model.hidden);
  if (!model.tied_embeddings) count.head = count.embedding;
  if (model.position == PositionKind::kLearned) count.embedding += real(model.max_positions) * real(model.hidden);
  for (std::int64_t layer = 0; layer < model.layers; ++layer) add_layer(model, model.is_moe(layer), count);
  count.norms += norm_parameters(model, model.hidden);  // after the last layer
  if (model.mtp_layers > 0) count.mtp = mtp_parameters(model);
  count.active = count.total();
  if (model.moe.experts > 0) count.active -= count.experts * (1.0 - real(model.moe.topk) / real(model.moe.experts));
  return count;
}

}  // namespace supernode
