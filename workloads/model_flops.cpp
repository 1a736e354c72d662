#include "base/numeric.hpp"
#include "workloads/layer_parameters.hpp"

namespace supernode {
namespace {

// Parameters that multiply one token in a layer: of the routed experts only top-k.
double active_matrices(const ModelSpec& model, bool moe) {
  const double attention = attention_matrices(model).total();
  if (!moe) return attention + mlp_matrices(model, model.ffn);
  return attention + real(model.moe.topk) * mlp_matrices(model, model.moe.ffn) +
         mlp_matrices(model, model.shared_width()) + real(model.hidden) * real(model.moe.experts);
}

// Forward FLOPs of q·kᵀ and of the product with v for one query over `keys` keys.
double attention_core(const ModelSpec& model, double keys) {
  const AttentionSpec& a = model.attention;
  return 2.0 * keys * real(a.heads) * real(a.qk_head_dim() + a.value_head_dim());
}

}  // namespace

double model_flops_per_token(const ModelSpec& model, std::int64_t seq, bool causal_half) {
  const double head = real(model.vocab) * real(model.hidden);
  const double core = attention_core(model, causal_half ? real(seq) / 2 : real(seq));
  double forward = 2.0 * head;
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    forward += 2.0 * active_matrices(model, model.is_moe(layer)) + core;
  }
  const double mtp_module = 2.0 * (active_matrices(model, mtp_is_moe(model)) + mtp_projection(model) + head) + core;
  forward += real(model.mtp_layers) * mtp_module;
  return 3.0 * forward;  // backward costs twice the forward pass: one product for inputs, one for weights
}

}  // namespace supernode
