#include "workloads/layer_parameters.hpp"

#include "base/numeric.hpp"

namespace supernode {
namespace {

// DeepSeek-V3.2: queries from the latent of the attention's queries, one key, a
// weight a head. Behind compressed keys the key comes from a compressor of its
// own instead.
double indexer_matrices(const ModelSpec& model) {
  const AttentionSpec& a = model.attention;
  const double hidden = real(model.hidden), width = real(a.indexer.head_dim), heads = real(a.indexer.heads);
  const double key = a.kind == AttentionKind::kCompressed ? 0 : hidden * width;
  return real(a.q_lora_rank) * heads * width + hidden * heads + key;
}

// Values and gates of `width` columns; CSA's blocks overlap, so it has both
// twice (DeepSeek-V4 reference code, Compressor: coff = 1 + overlap).
double compressor_columns(bool overlaps, std::int64_t width) { return (overlaps ? 4.0 : 2.0) * real(width); }

AttentionMatrices mla_matrices(const ModelSpec& model, const LayerForm& form) {
  const AttentionSpec& a = model.attention;
  const double hidden = real(model.hidden), heads = real(a.heads);
  const double query = heads * real(a.qk_head_dim());
  AttentionMatrices m;
  m.replicated = hidden * real(a.kv_lora_rank + a.rope_head_dim) + hidden * real(a.q_lora_rank);
  if (form.indexes) m.replicated += indexer_matrices(model);
  m.sharded = (a.q_lora_rank > 0 ? real(a.q_lora_rank) : hidden) * query;
  m.sharded += real(a.kv_lora_rank) * heads * real(a.nope_head_dim + a.v_head_dim);
  m.sharded += heads * real(a.v_head_dim) * hidden;
  return m;
}

AttentionMatrices compressed_matrices(const ModelSpec& model, const LayerForm& form) {
  const AttentionSpec& a = model.attention;
  const double hidden = real(model.hidden), query = real(a.heads * a.head_dim);
  const double output = real(a.compression.output_rank);
  AttentionMatrices m;
  m.replicated = hidden * real(a.q_lora_rank) + hidden * real(a.head_dim);
  if (!form.windowed) m.replicated += hidden * compressor_columns(form.sparse, a.head_dim);
  if (form.indexes) m.replicated += indexer_matrices(model) + hidden * compressor_columns(true, a.indexer.head_dim);
  m.sharded = real(a.q_lora_rank) * query + query * output + real(a.compression.output_groups) * output * hidden;
  return m;
}

// In one product: gate, input, the groups' input and output matrices, a step
// size a head (mamba_ssm, Mamba2.in_proj).
AttentionMatrices mamba_matrices(const ModelSpec& model) {
  const MambaSpec& m = model.attention.mamba;
  const double hidden = real(model.hidden), inner = real(m.expand) * hidden;
  const double columns = 2 * inner + 2 * real(m.groups * m.state) + real(model.attention.heads);
  return {.sharded = hidden * columns + inner * hidden};
}

// Convolution with its bias, decay, step size and skip a head, gated norm.
double mamba_vectors(const ModelSpec& model) {
  const MambaSpec& m = model.attention.mamba;
  const double inner = real(m.expand) * real(model.hidden);
  return (inner + 2 * real(m.groups * m.state)) * real(m.conv + 1) + 3 * real(model.attention.heads) + inner;
}

// Latents, the key-value head and what the compressors hold beside their
// matrices.
double compressed_norms(const ModelSpec& model, const LayerForm& form) {
  const AttentionSpec& a = model.attention;
  double count = norm_parameters(model, a.q_lora_rank + a.head_dim);
  const double columns = compressor_columns(form.sparse, a.head_dim) / 2;
  const std::int64_t ratio = form.sparse ? a.compression.sparse_ratio : a.compression.dense_ratio;
  if (!form.windowed) count += real(ratio) * columns + norm_parameters(model, a.head_dim);
  if (form.indexes) {
    const double index_columns = compressor_columns(true, a.indexer.head_dim) / 2;
    count += real(a.compression.sparse_ratio) * index_columns + norm_parameters(model, a.indexer.head_dim);
  }
  return count;
}

double attention_norms(const ModelSpec& model, const LayerForm& form) {
  const AttentionSpec& a = model.attention;
  if (a.kind == AttentionKind::kCompressed) return compressed_norms(model, form);
  double count = a.qk_norm ? 2 * norm_parameters(model, a.qk_head_dim()) : 0;
  if (a.kind == AttentionKind::kMla) count += norm_parameters(model, a.q_lora_rank + a.kv_lora_rank);
  if (a.kind == AttentionKind::kMla && form.indexes) count += 2 * real(a.indexer.head_dim);  // a LayerNorm on the key
  return count;
}

// Outputs of one mixer: a weight a stream to read by, one to write by, and a
// square matrix between streams.
double mixer_rows(const ModelSpec& model) { return real((2 + model.residual_streams) * model.residual_streams); }

// Per mixer a bias a row and three scales.
double stream_vectors(const ModelSpec& model) { return model.residual_streams > 1 ? 2 * (mixer_rows(model) + 3) : 0; }

}  // namespace

AttentionMatrices attention_matrices(const ModelSpec& model, const LayerForm& form) {
  const AttentionSpec& a = model.attention;
  switch (a.kind) {
    case AttentionKind::kMla:
      return mla_matrices(model, form);
    case AttentionKind::kCompressed:
      return compressed_matrices(model, form);
    case AttentionKind::kMamba:
      return mamba_matrices(model);
    case AttentionKind::kMha:
    case AttentionKind::kGqa:
      break;
  }
  const double query = real(a.heads * a.head_dim), key_value = real(a.kv_heads * a.head_dim);
  return {.sharded = real(model.hidden) * (2 * query + 2 * key_value)};
}

double mlp_matrices(const ModelSpec& model, std::int64_t width) {
  return (model.gated_mlp ? 3.0 : 2.0) * real(model.hidden) * real(width);
}

Biases attention_biases(const ModelSpec& model) {
  const AttentionSpec& a = model.attention;
  if (a.kind == AttentionKind::kMamba) return {.sharded = mamba_vectors(model)};
  Biases biases;
  if (a.kind == AttentionKind::kCompressed) biases.sharded = real(a.heads);
  if (a.bias) biases.sharded += real((a.heads + 2 * a.kv_heads) * a.head_dim);
  if (a.output_bias) biases.replicated = real(model.hidden);
  return biases;
}

Biases mlp_biases(const ModelSpec& model, std::int64_t width) {
  if (!model.mlp_bias) return {};
  return {.sharded = (model.gated_mlp ? 2.0 : 1.0) * real(width), .replicated = real(model.hidden)};
}

double norm_parameters(const ModelSpec& model, std::int64_t width) {
  if (model.kind == ModelKind::kDiffusion) return 0;
  return real(width) * (model.norm_bias ? 2.0 : 1.0);
}

double layer_norms(const ModelSpec& model, const LayerForm& form) {
  const double of_block =
      real(model.norms_per_layer) * norm_parameters(model, model.hidden) + attention_norms(model, form);
  double count = real(attention_blocks(model)) * of_block + stream_matrices(model) + stream_vectors(model);
  if (model.kind == ModelKind::kDiffusion) {
    count += modulation_matrix(model) + real(model.condition_vectors) * real(model.hidden);
  }
  return count;
}

double stream_matrices(const ModelSpec& model) {
  if (model.residual_streams == 1) return 0;
  return 2 * mixer_rows(model) * real(model.residual_streams) * real(model.hidden);
}

double modulation_matrix(const ModelSpec& model) {
  return real(model.condition_width) * real(model.condition_vectors) * real(model.hidden);
}

double mtp_projection(const ModelSpec& model) { return 2.0 * real(model.hidden) * real(model.hidden); }

double mtp_norms(const ModelSpec& model) { return 3.0 * norm_parameters(model, model.hidden); }

double router_matrix(const ModelSpec& model, const LayerForm& form) {
  if (!form.moe) return 0;
  const MoeSpec& moe = model.moe;
  return real(model.hidden) * real(moe.experts + moe.zero_experts + (moe.shared_gate ? 1 : 0));
}

std::int64_t dense_mlps(const ModelSpec& model, const LayerForm& form) {
  if (form.moe) return model.moe.shortcut ? 2 : 0;
  return model.ffn > 0 ? 1 : 0;
}

std::int64_t attention_blocks(const ModelSpec& model) { return model.moe.shortcut ? 2 : 1; }

LayerForm mtp_form(const ModelSpec& model) {
  LayerForm form = model.layer_form(model.layers - 1);
  if (model.attention.kind != AttentionKind::kCompressed) return form;
  form.windowed = true;
  form.sparse = form.indexes = false;
  return form;
}

SplitParameters embedding_parameters(const ModelSpec& model) {
  const double hidden = real(model.hidden);
  SplitParameters count;
  if (model.kind == ModelKind::kDiffusion) {
    count.replicated = real(model.patch_channels + 1) * hidden + model.condition_parameters;
  }
  count.sharded = real(model.vocab) * hidden + model.ngram_parameters;
  if (model.position == PositionKind::kLearned) count.replicated += real(model.max_positions) * hidden;
  if (model.embedding_norm) count.replicated += norm_parameters(model, model.hidden);
  return count;
}

SplitParameters head_parameters(const ModelSpec& model) {
  const double hidden = real(model.hidden);
  SplitParameters count;
  count.replicated = norm_parameters(model, model.hidden);
  if (!model.tied_embeddings) count.sharded = real(model.head_rows()) * hidden;
  if (model.residual_streams > 1) {
    count.replicated += real(model.residual_streams) * (real(model.residual_streams) * hidden + 1) + 1;
  }
  if (model.kind == ModelKind::kDiffusion) {  // modulation of the last norm,
                                              // then hidden → patch
    count.replicated += 2 * hidden * real(model.condition_width + 1) + (hidden + 1) * real(model.patch_channels);
  }
  return count;
}

}  // namespace supernode
