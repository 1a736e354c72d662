// The attention half of a layer: multi-head, grouped-query and multi-head latent attention (MLA).

#include "base/numeric.hpp"
#include "workloads/layer_program.hpp"

namespace supernode {

namespace {

double elements(std::int64_t rows, std::int64_t columns) { return real(rows) * real(columns); }

Linear linear(const RankShape& shape, std::string name, LinearKind kind, std::int64_t rows, std::int64_t in,
              std::int64_t out) {
  return {.name = std::move(name), .kind = kind, .rows = rows, .in = in, .out = out, .precision = shape.plan.compute};
}

LayerPart core_part(const RankShape& shape) {
  const AttentionSpec& a = shape.model.attention;
  const bool grouped = a.kind == AttentionKind::kGqa;
  AttentionKernel kernel{.batch = shape.plan.micro_batch,
                         .heads = a.heads / shape.tensor,
                         .kv_heads = (grouped ? a.kv_heads : a.heads) / shape.tensor,
                         .seq_q = shape.plan.sequence_length,
                         .seq_kv = shape.plan.sequence_length,
                         .head_dim = a.qk_head_dim(),
                         .head_dim_v = a.value_head_dim(),
                         .precision = shape.activation};
  LayerPart part;
  part.forward.push_back(compute_op("attn.core", ComputeClass::kAttention, kernel));
  kernel.backward = true;
  part.backward.push_back(compute_op("attn.core.backward", ComputeClass::kAttention, kernel));
  return part;
}

// Rotates q and k in place.
LayerPart rope_part(const RankShape& shape, std::int64_t width) {
  return vector_part(shape, "attn.rope", VectorKind::kRope, ComputeClass::kVector, elements(shape.tokens, width),
                     {.backward_read = 1});
}

void append_qkv(const RankShape& shape, EventSource& events, LayerParts& parts) {
  const AttentionSpec& a = shape.model.attention;
  const std::int64_t rotated = (a.heads + a.kv_heads) * a.head_dim / shape.tensor;
  const std::int64_t width = (a.heads + 2 * a.kv_heads) * a.head_dim / shape.tensor;
  parts.push_back(linear_part(
      shape, linear(shape, "attn.qkv", LinearKind::kColumn, shape.tokens, shape.model.hidden, width), events));
  if (a.qk_norm) parts.push_back(norm_part(shape, "attn.qk_norm", elements(shape.tokens, rotated)));
  if (shape.model.position == PositionKind::kRope) parts.push_back(rope_part(shape, rotated));
}

// Fused rotary step of MLA: rotates the rotary part of q in place, and assembles k (with the shared rotary key copied
// to each head) and v from the up-projected latents.
LayerPart mla_rope_part(const RankShape& shape) {
  const AttentionSpec& a = shape.model.attention;
  const std::int64_t heads = a.heads / shape.tensor;
  const double query = elements(shape.tokens, heads * a.rope_head_dim);
  const double from = elements(shape.tokens, heads * (a.nope_head_dim + a.v_head_dim) + a.rope_head_dim);
  const double to = elements(shape.tokens, heads * (a.qk_head_dim() + a.v_head_dim));
  const Bytes read = (query + from) * shape.element, written = (query + to) * shape.element;
  LayerPart part;
  part.selective = true;
  part.forward.push_back(vector_op("attn.rope", ComputeClass::kVector, VectorKind::kRope, read, written));
  part.backward.push_back(vector_op("attn.rope.backward", ComputeClass::kVector, VectorKind::kRope, written, read));
  return part;
}

// An up-projection from a latent. The latent is normalised on the sharded sequence and gathered on the way in;
// selective recomputation makes it again (Megatron-Core's `mla_up_proj`).
LayerPart up_projection(const RankShape& shape, std::string name, std::int64_t in, std::int64_t out,
                        std::int64_t gathered, EventSource& events) {
  Linear up = linear(shape, std::move(name), LinearKind::kColumn, shape.tokens, in, out / shape.tensor);
  up.gathered = gathered;
  LayerPart part = linear_part(shape, up, events);
  part.selective = true;
  return part;
}

// The down-projections are replicated over the tensor-parallel ranks and run on the local tokens (Megatron-Core
// multi_latent_attention.py); the rotary key is gathered together with the kv latent.
void append_mla_qkv(const RankShape& shape, EventSource& events, LayerParts& parts) {
  const AttentionSpec& a = shape.model.attention;
  const std::int64_t hidden = shape.model.hidden, rows = shape.local_tokens;
  if (a.q_lora_rank > 0) {
    parts.push_back(
        linear_part(shape, linear(shape, "attn.q_down", LinearKind::kLocal, rows, hidden, a.q_lora_rank), events));
    parts.push_back(norm_part(shape, "attn.q_norm", elements(rows, a.q_lora_rank)));
    parts.push_back(up_projection(shape, "attn.q_up", a.q_lora_rank, a.heads * a.qk_head_dim(), 0, events));
  } else {
    parts.push_back(linear_part(
        shape,
        linear(shape, "attn.q", LinearKind::kColumn, shape.tokens, hidden, a.heads * a.qk_head_dim() / shape.tensor),
        events));
  }
  const std::int64_t latent = a.kv_lora_rank + a.rope_head_dim;
  parts.push_back(linear_part(shape, linear(shape, "attn.kv_down", LinearKind::kLocal, rows, hidden, latent), events));
  parts.push_back(norm_part(shape, "attn.kv_norm", elements(rows, a.kv_lora_rank)));
  parts.push_back(
      up_projection(shape, "attn.kv_up", a.kv_lora_rank, a.heads * (a.nope_head_dim + a.v_head_dim), latent, events));
  parts.push_back(mla_rope_part(shape));
}

}  // namespace

LayerParts attention_parts(const RankShape& shape, EventSource& events) {
  const ModelSpec& model = shape.model;
  const AttentionSpec& a = model.attention;
  const double local = elements(shape.local_tokens, model.hidden);
  LayerParts parts;
  parts.push_back(norm_part(shape, "attn.norm", local));
  if (a.kind == AttentionKind::kMla)
    append_mla_qkv(shape, events, parts);
  else
    append_qkv(shape, events, parts);
  parts.push_back(core_part(shape));
  parts.push_back(linear_part(shape,
                              linear(shape, "attn.out", LinearKind::kRow, shape.tokens,
                                     a.heads * a.value_head_dim() / shape.tensor, model.hidden),
                              events));
  if (model.norms_per_layer > 2) parts.push_back(norm_part(shape, "attn.post_norm", local));
  parts.push_back(residual_part(shape, "attn.residual"));
  return parts;
}

}  // namespace supernode
