// The attention half of a layer. Multi-head and grouped-query attention here, the other kinds in files of their own.

#include "workloads/attention_parts.hpp"

#include "base/numeric.hpp"
#include "workloads/unfused_traffic.hpp"
#include "workloads/attention_core.hpp"

namespace supernode {

namespace {

void append_heads(const RankShape& shape, const LayerForm& form, EventSource& events, LayerParts& parts) {
  const AttentionSpec& a = shape.model.attention;
  const std::int64_t queries = a.heads / shape.tensor, keys = rank_kv_heads(shape);
  const std::int64_t rotated = (queries + keys) * a.head_dim, width = (queries + 2 * keys) * a.head_dim;
  parts.push_back(
      attention_product(shape, "attn.qkv", LinearKind::kColumn, shape.tokens, shape.model.hidden, width, events));
  if (a.qk_norm) parts.push_back(local_norm_part(shape, "attn.qk_norm", tensor_elements(shape.tokens, rotated)));
  if (shape.model.position == PositionKind::kRope) parts.push_back(rope_part(shape, "attn.rope", rotated));
  parts.push_back(core_part(shape, form, events));
}

// Scales, shifts and gates of a diffusion layer from the conditioning vector, once a sequence (adaLN-Zero, arXiv
// 2212.09748, section 3.2). Applying them is part of the norms' and residuals' traffic.
LayerPart modulation_part(const RankShape& shape, EventSource& events) {
  return linear_part(shape,
                     {.name = "attn.modulation",
                      .rows = shape.plan.micro_batch,
                      .in = shape.model.condition_width,
                      .out = shape.model.condition_vectors * shape.model.hidden,
                      .precision = shape.activation,
                      .lora = LoraTarget::kNone},
                     events);
}

void append_output(const RankShape& shape, EventSource& events, LayerParts& parts) {
  const AttentionSpec& a = shape.model.attention;
  parts.push_back(attention_product(shape, "attn.out", LinearKind::kRow, shape.tokens,
                                    a.heads * a.value_head_dim() / shape.tensor, shape.model.hidden, events));
}

void append_mixing(const RankShape& shape, const LayerForm& form, EventSource& events, LayerParts& parts) {
  switch (shape.model.attention.kind) {
    case AttentionKind::kMamba:
      return append_mamba(shape, events, parts);
    case AttentionKind::kCompressed:
      return append_compressed_attention(shape, form, events, parts);
    case AttentionKind::kMla:
      append_latent_attention(shape, form, events, parts);
      break;
    case AttentionKind::kMha:
    case AttentionKind::kGqa:
      append_heads(shape, form, events, parts);
      break;
  }
  append_output(shape, events, parts);
}

}  // namespace

double tensor_elements(std::int64_t rows, std::int64_t columns) { return real(rows) * real(columns); }

Linear attention_linear(const RankShape& shape, std::string name, LinearKind kind, std::int64_t rows, std::int64_t in,
                        std::int64_t out) {
  return {.name = std::move(name),
          .kind = kind,
          .rows = rows,
          .in = in,
          .out = out,
          .precision = shape.plan.compute,
          .lora = LoraTarget::kAttention};
}

LayerPart attention_product(const RankShape& shape, std::string name, LinearKind kind, std::int64_t rows,
                            std::int64_t in, std::int64_t out, EventSource& events) {
  return linear_part(shape, attention_linear(shape, std::move(name), kind, rows, in, out), events);
}

LayerPart rope_part(const RankShape& shape, const std::string& name, std::int64_t width) {
  return vector_part(shape, name, VectorKind::kRope, ComputeClass::kVector, tensor_elements(shape.tokens, width),
                     shape.plan.fused.rope ? VectorTraffic{.backward_read = 1} : kUnfusedRope);
}

LayerPart shared_key_part(const RankShape& shape, const std::string& name, std::int64_t columns) {
  LayerPart part;
  if (shape.tensor == 1) return part;
  const auto over_tensor = [&](const std::string& what, CollectiveOp op) {
    return comm_op(name + what, CommClass::kTensor, GroupKind::kTensor,
                   {.op = op, .bytes = tensor_elements(shape.tokens, columns) * shape.element});
  };
  if (shape.sequence_sharded) part.forward.push_back(over_tensor(".gather", CollectiveOp::kAllGather));
  part.backward.push_back(over_tensor(
      ".backward.reduce", shape.sequence_sharded ? CollectiveOp::kReduceScatter : CollectiveOp::kAllReduce));
  return part;
}

LayerParts attention_parts(const RankShape& shape, const LayerForm& form, EventSource& events) {
  const double local = tensor_elements(shape.local_tokens, shape.model.hidden);
  LayerParts parts;
  if (shape.model.condition_width > 0) parts.push_back(modulation_part(shape, events));
  parts.push_back(norm_part(shape, "attn.norm", local));
  append_mixing(shape, form, events, parts);
  if (shape.model.norms_per_layer > 2) parts.push_back(norm_part(shape, "attn.post_norm", local));
  parts.push_back(residual_part(shape, "attn.residual"));
  return parts;
}

}  // namespace supernode
