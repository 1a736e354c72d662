#include "base/numeric.hpp"
#include "workloads/layer_parameters.hpp"

namespace supernode {
namespace {

double mlp_parameters(const ModelSpec& model, std::int64_t width) {
  return mlp_matrices(model, width) + mlp_biases(model, width).total();
}

double attention_parameters(const ModelSpec& model, const LayerForm& form) {
  return attention_matrices(model, form).total() + attention_biases(model).total();
}

void add_moe_layer(const ModelSpec& model, const LayerForm& form, ParameterCount& count) {
  count.experts += real(model.moe.experts) * mlp_parameters(model, model.moe.ffn);
  if (model.shared_width() > 0) count.shared_experts += mlp_parameters(model, model.shared_width());
  count.router += router_matrix(model, form);
}

void add_layer(const ModelSpec& model, const LayerForm& form, ParameterCount& count) {
  count.attention += real(attention_blocks(model)) * attention_parameters(model, form);
  count.norms += layer_norms(model, form);
  count.dense_mlp += real(dense_mlps(model, form)) * mlp_parameters(model, model.ffn);
  if (form.moe) add_moe_layer(model, form, count);
}

double mtp_parameters(const ModelSpec& model) {
  ParameterCount module;
  add_layer(model, mtp_form(model), module);
  return real(model.mtp_layers) * (module.total() + mtp_projection(model) + mtp_norms(model));
}

// A token meets the real experts among its choices, and a few rows of the
// n-gram tables.
double active_parameters(const ModelSpec& model, const ParameterCount& count) {
  const double idle = model.moe.experts == 0 ? 0 : 1.0 - model.moe.real_topk() / real(model.moe.experts);
  return count.total() - count.experts * idle - model.ngram_parameters;
}

}  // namespace

double ParameterCount::total() const {
  return embedding + head + attention + dense_mlp + experts + shared_experts + router + norms;
}

ParameterCount count_parameters(const ModelSpec& model) {
  const SplitParameters head = head_parameters(model);
  ParameterCount count;
  count.embedding = embedding_parameters(model).total();
  count.head = head.sharded;
  for (std::int64_t layer = 0; layer < model.layers; ++layer) add_layer(model, model.layer_form(layer), count);
  count.norms += head.replicated;  // after the last layer
  if (model.mtp_layers > 0) count.mtp = mtp_parameters(model);
  count.active = active_parameters(model, count);
  return count;
}

}  // namespace supernode
