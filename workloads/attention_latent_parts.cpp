// Multi-head latent attention (MLA, arXiv 2405.04434, section 2.1). The down-projections are replicated over the
// tensor-parallel ranks and run on the local tokens (Megatron-Core, multi_latent_attention.py). Without an indexer keys
// and values of each head are made from the latent, as training implementations do; behind one (DeepSeek-V3.2-Exp
// report, section 2.1: "instantiated based on the MQA mode of MLA") the up-projections are absorbed into the queries
// and the output, and all heads attend to the latent itself.

#include "base/numeric.hpp"
#include "workloads/attention_core.hpp"
#include "workloads/attention_parts.hpp"
#include "workloads/attention_span.hpp"

namespace supernode {

namespace {

// Fused rotary step: rotates the rotary part of q in place, and assembles k (with the shared rotary key copied to each
// head) and v from the up-projected latents.
LayerPart assembly_part(const RankShape& shape) {
  const AttentionSpec& a = shape.model.attention;
  const std::int64_t heads = a.heads / shape.tensor;
  const double query = tensor_elements(shape.tokens, heads * a.rope_head_dim);
  const double from = tensor_elements(shape.tokens, heads * (a.nope_head_dim + a.v_head_dim) + a.rope_head_dim);
  const double to = tensor_elements(shape.tokens, heads * (a.qk_head_dim() + a.v_head_dim));
  const Bytes read = (query + from) * shape.element, written = (query + to) * shape.element;
  LayerPart part;
  part.module = RecomputeModule::kMlaUpProjection;
  part.forward.push_back(vector_op("attn.rope", ComputeClass::kVector, VectorKind::kRope, read, written));
  part.backward.push_back(vector_op("attn.rope.backward", ComputeClass::kVector, VectorKind::kRope, written, read));
  return part;
}

// An up-projection from a latent. The latent is normalised on the sharded sequence and gathered on the way in;
// selective recomputation makes it again (Megatron-Core's `mla_up_proj`).
LayerPart up_projection(const RankShape& shape, std::string name, std::int64_t in, std::int64_t out,
                        std::int64_t gathered, EventSource& events) {
  Linear up = attention_linear(shape, std::move(name), LinearKind::kColumn, shape.tokens, in, out / shape.tensor);
  up.gathered = gathered;
  LayerPart part = linear_part(shape, up, events);
  part.module = RecomputeModule::kMlaUpProjection;
  return part;
}

// One product a head, between what a head has and the latent.
LayerPart absorbed_projection(const RankShape& shape, std::string name, std::int64_t in, std::int64_t out,
                              EventSource& events) {
  Linear per_head = attention_linear(shape, std::move(name), LinearKind::kLocal, shape.tokens, in, out);
  per_head.groups = shape.model.attention.heads / shape.tensor;
  return linear_part(shape, per_head, events);
}

void append_queries(const RankShape& shape, EventSource& events, LayerParts& parts) {
  const AttentionSpec& a = shape.model.attention;
  const std::int64_t hidden = shape.model.hidden, rows = shape.local_tokens, width = a.heads * a.qk_head_dim();
  if (a.q_lora_rank > 0) {
    parts.push_back(attention_product(shape, "attn.q_down", LinearKind::kLocal, rows, hidden, a.q_lora_rank, events));
    parts.push_back(local_norm_part(shape, "attn.q_norm", tensor_elements(rows, a.q_lora_rank)));
    parts.push_back(up_projection(shape, "attn.q_up", a.q_lora_rank, width, 0, events));
  } else {
    parts.push_back(
        attention_product(shape, "attn.q", LinearKind::kColumn, shape.tokens, hidden, width / shape.tensor, events));
  }
}

// The rotary key is gathered together with the latent.
void append_latent(const RankShape& shape, EventSource& events, LayerParts& parts) {
  const AttentionSpec& a = shape.model.attention;
  const std::int64_t rows = shape.local_tokens, latent = a.kv_lora_rank + a.rope_head_dim;
  parts.push_back(
      attention_product(shape, "attn.kv_down", LinearKind::kLocal, rows, shape.model.hidden, latent, events));
  parts.push_back(local_norm_part(shape, "attn.kv_norm", tensor_elements(rows, a.kv_lora_rank)));
}

void append_absorbed(const RankShape& shape, const LayerForm& form, EventSource& events, LayerParts& parts) {
  const AttentionSpec& a = shape.model.attention;
  parts.push_back(absorbed_projection(shape, "attn.q_absorb", a.nope_head_dim, a.kv_lora_rank, events));
  parts.push_back(shared_key_part(shape, "attn.latent", a.kv_lora_rank + a.rope_head_dim));
  parts.push_back(rope_part(shape, "attn.rope", (a.heads / shape.tensor + 1) * a.rope_head_dim));
  if (form.indexes) append_indexer(shape, form, 1, events, parts);
  parts.push_back(shared_core_part(shape, form, 1));
  parts.push_back(absorbed_projection(shape, "attn.v_up", a.kv_lora_rank, a.v_head_dim, events));
}

}  // namespace

void append_latent_attention(const RankShape& shape, const LayerForm& form, EventSource& events, LayerParts& parts) {
  const AttentionSpec& a = shape.model.attention;
  append_queries(shape, events, parts);
  append_latent(shape, events, parts);
  if (is_absorbed(shape.model)) return append_absorbed(shape, form, events, parts);
  parts.push_back(up_projection(shape, "attn.kv_up", a.kv_lora_rank, a.heads * (a.nope_head_dim + a.v_head_dim),
                                a.kv_lora_rank + a.rope_head_dim, events));
  parts.push_back(assembly_part(shape));
  parts.push_back(core_part(shape, form, events));
}

}  // namespace supernode
