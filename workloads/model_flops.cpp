#include "base/numeric.hpp"
#include "workloads/attention_span.hpp"
#include "workloads/layer_parameters.hpp"

namespace supernode {
namespace {

// Parameters that multiply one token in a layer: of the routed experts only the
// real ones among the top-k.
double active_matrices(const ModelSpec& model, const LayerForm& form) {
  double count = real(attention_blocks(model)) * attention_matrices(model, form).total() +
                 real(dense_mlps(model, form)) * mlp_matrices(model, model.ffn) + stream_matrices(model);
  if (!form.moe) return count;
  return count + model.moe.real_topk() * mlp_matrices(model, model.moe.ffn) +
         mlp_matrices(model, model.shared_width()) + router_matrix(model, form);
}

// What multiplies a token before and behind the layers: the head, or a
// diffusion model's patch embedding and output.
double end_matrices(const ModelSpec& model) {
  if (model.kind == ModelKind::kDiffusion) return 2.0 * real(model.patch_channels) * real(model.hidden);
  return real(model.head_rows()) * real(model.hidden);
}

}  // namespace

double model_flops_per_token(const ModelSpec& model, std::int64_t seq, bool causal_half, std::int64_t document) {
  const std::int64_t span = document > 0 ? document : seq;
  const auto layer_flops = [&](const LayerForm& form) {
    double matrices = active_matrices(model, form);
    if (seq > 0) matrices += modulation_matrix(model) / real(seq);
    // backward costs twice the forward pass: one product for inputs, one for
    // weights
    return 3.0 * 2.0 * matrices + real(attention_blocks(model)) * mixing_flops(model, form, span, causal_half);
  };
  double flops = 3.0 * 2.0 * end_matrices(model);
  for (std::int64_t layer = 0; layer < model.layers; ++layer) flops += layer_flops(model.layer_form(layer));
  const double ends = mtp_projection(model) + end_matrices(model);
  return flops + real(model.mtp_layers) * (3.0 * 2.0 * ends + layer_flops(mtp_form(model)));
}

}  // namespace supernode
