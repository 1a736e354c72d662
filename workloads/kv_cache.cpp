#include "workloads/kv_cache.hpp"

#include <algorithm>
#include <cassert>

#include "base/numeric.hpp"
#include "workloads/layer_parameters.hpp"

namespace supernode {
namespace {

// Elements of one layer's cache: `fixed` whatever the length, `bounded` more for each token up to `window`, and
// `growing` for each token without end.
struct CacheShape {
  double fixed = 0, bounded = 0, window = 0, growing = 0;
};

// The indexer keeps one shared key a position (DeepSeek-V3.2: 128 wide, replicated over tensor-parallel ranks).
double indexer_key(const ModelSpec& model, const LayerForm& form) {
  return form.indexes ? real(model.attention.indexer.head_dim) : 0;
}

// A state matrix for each channel, and the last inputs of the causal convolution (arXiv 2405.21060, section 7).
CacheShape mamba_shape(const ModelSpec& model, double tensor) {
  const MambaSpec& m = model.attention.mamba;
  const double inner = real(m.expand) * real(model.hidden);
  const double convolved = inner + 2 * real(m.groups * m.state);
  return {.fixed = (inner * real(m.state) + real(m.conv - 1) * convolved) / tensor};
}

// Merged keys and raw ones of the window, all with one head that is key and value at once.
CacheShape compressed_shape(const ModelSpec& model, const LayerForm& form) {
  const AttentionSpec& a = model.attention;
  const double ratio = real(form.sparse ? a.compression.sparse_ratio : a.compression.dense_ratio);
  const double merged = form.windowed ? 0 : (real(a.head_dim) + indexer_key(model, form)) / ratio;
  return {.bounded = real(a.head_dim), .window = real(a.window), .growing = merged};
}

CacheShape layer_shape(const ModelSpec& model, const LayerForm& form, std::int64_t tensor) {
  const AttentionSpec& a = model.attention;
  if (a.kind == AttentionKind::kMamba) return mamba_shape(model, real(tensor));
  if (a.kind == AttentionKind::kCompressed) return compressed_shape(model, form);
  const double heads = real(std::max<std::int64_t>(1, (a.kv_heads + tensor - 1) / tensor));
  const double position = a.kind == AttentionKind::kMla ? real(a.kv_lora_rank + a.rope_head_dim)
                                                        : heads * real(a.qk_head_dim() + a.value_head_dim());
  if (form.windowed) return {.bounded = position, .window = real(a.window)};
  return {.growing = position + indexer_key(model, form)};
}

template <class Elements>
Bytes over_layers(const ModelSpec& model, Precision precision, std::int64_t tensor, const Elements& elements) {
  assert(tensor > 0);
  double sum = 0;
  for (std::int64_t i = 0; i < model.layers; ++i) sum += elements(layer_shape(model, model.layer_form(i), tensor));
  return sum * real(attention_blocks(model)) * bytes_per_element(precision);
}

}  // namespace

Bytes kv_cache(const ModelSpec& model, Precision precision, std::int64_t tokens, std::int64_t tensor_parallel) {
  return over_layers(model, precision, tensor_parallel, [&](const CacheShape& shape) {
    return shape.fixed + shape.bounded * std::min(real(tokens), shape.window) + shape.growing * real(tokens);
  });
}

Bytes kv_cache_per_token(const ModelSpec& model, Precision precision, std::int64_t tensor_parallel) {
  return over_layers(model, precision, tensor_parallel, [](const CacheShape& shape) { return shape.growing; });
}

}  // namespace supernode
