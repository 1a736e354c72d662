// DeepSeek-V4's compressed attention (DeepSeek-V4 report, section 2.3; shapes as in the public Hugging Face
// implementation, transformers/models/deepseek_v4): low-rank queries; one key-value head, the same for key and value;
// a compressor that merges the keys of 4 (CSA) or 128 (HCA) tokens into one by a gated sum, CSA from two overlapping
// blocks; an output projection in groups.

#include "base/numeric.hpp"
#include "workloads/attention_parts.hpp"

namespace supernode {

namespace {

std::int64_t ratio_of(const RankShape& shape, const LayerForm& form) {
  const CompressionSpec& c = shape.model.attention.compression;
  if (form.windowed) return 0;
  return form.sparse ? c.sparse_ratio : c.dense_ratio;
}

void append_queries(const RankShape& shape, EventSource& events, LayerParts& parts) {
  const AttentionSpec& a = shape.model.attention;
  const std::int64_t rows = shape.local_tokens, width = a.heads / shape.tensor * a.head_dim;
  const bool low_rank = a.q_lora_rank > 0;
  if (low_rank) {
    parts.push_back(
        attention_product(shape, "attn.q_down", LinearKind::kLocal, rows, shape.model.hidden, a.q_lora_rank, events));
    parts.push_back(local_norm_part(shape, "attn.q_norm", tensor_elements(rows, a.q_lora_rank)));
  }
  parts.push_back(attention_product(shape, low_rank ? "attn.q_up" : "attn.q", LinearKind::kColumn, shape.tokens,
                                    low_rank ? a.q_lora_rank : shape.model.hidden, width, events));
  parts.push_back(local_norm_part(shape, "attn.head_norm", tensor_elements(shape.tokens, width)));
}

// Gates and values of the tokens are read, one merged key for each `ratio` of them is written.
LayerPart merge_part(const RankShape& shape, std::int64_t columns, std::int64_t ratio) {
  const double from = tensor_elements(shape.local_tokens, columns);
  const double to = tensor_elements(shape.local_tokens, shape.model.attention.head_dim) / real(ratio);
  LayerPart part;
  part.forward.push_back(vector_op("attn.compress", ComputeClass::kVector, VectorKind::kSoftmax, from * shape.element,
                                   to * shape.element));
  part.backward.push_back(vector_op("attn.compress.backward", ComputeClass::kVector, VectorKind::kSoftmax,
                                    (from + to) * shape.element, from * shape.element));
  return part;
}

void append_keys(const RankShape& shape, const LayerForm& form, EventSource& events, LayerParts& parts) {
  const AttentionSpec& a = shape.model.attention;
  const std::int64_t rows = shape.local_tokens, hidden = shape.model.hidden, ratio = ratio_of(shape, form);
  parts.push_back(attention_product(shape, "attn.kv", LinearKind::kLocal, rows, hidden, a.head_dim, events));
  parts.push_back(local_norm_part(shape, "attn.kv_norm", tensor_elements(rows, a.head_dim)));
  if (ratio > 0) {
    const std::int64_t columns = (form.sparse ? 4 : 2) * a.head_dim;
    parts.push_back(attention_product(shape, "attn.compressor", LinearKind::kLocal, rows, hidden, columns, events));
    parts.push_back(merge_part(shape, columns, ratio));
    parts.push_back(local_norm_part(shape, "attn.compress_norm", tensor_elements(rows, a.head_dim) / real(ratio)));
  }
  const std::int64_t shared = a.head_dim + (ratio > 0 ? a.head_dim / ratio : 0);
  parts.push_back(shared_key_part(shape, "attn.shared_kv", shared));
  parts.push_back(rope_part(shape, "attn.rope", (a.heads / shape.tensor + 1) * a.rope_head_dim));
}

// Groups of heads down to `output_rank` columns each, then all groups to the hidden size.
void append_output(const RankShape& shape, EventSource& events, LayerParts& parts) {
  const AttentionSpec& a = shape.model.attention;
  const CompressionSpec& c = a.compression;
  const std::int64_t width = a.heads / shape.tensor * a.head_dim, groups = c.output_groups / shape.tensor;
  parts.push_back(rope_part(shape, "attn.unrope", a.heads / shape.tensor * a.rope_head_dim));
  std::int64_t columns = width;
  if (c.output_rank > 0 && groups > 0) {
    Linear down =
        attention_linear(shape, "attn.out_down", LinearKind::kLocal, shape.tokens, width / groups, c.output_rank);
    down.groups = groups;
    parts.push_back(linear_part(shape, down, events));
    columns = groups * c.output_rank;
  }
  parts.push_back(
      attention_product(shape, "attn.out", LinearKind::kRow, shape.tokens, columns, shape.model.hidden, events));
}

}  // namespace

void append_compressed_attention(const RankShape& shape, const LayerForm& form, EventSource& events,
                                 LayerParts& parts) {
  append_queries(shape, events, parts);
  append_keys(shape, form, events, parts);
  if (form.indexes) append_indexer(shape, form, ratio_of(shape, form), events, parts);
  parts.push_back(shared_core_part(shape, form, ratio_of(shape, form)));
  append_output(shape, events, parts);
}

}  // namespace supernode
