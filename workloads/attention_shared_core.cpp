// Attention of all heads over one shared key-value head: DeepSeek-V3.2's chosen latents, DeepSeek-V4's window and
// compressed keys; and the indexer that chooses (DeepSeek-V3.2-Exp report, section 2.1).

#include <algorithm>
#include <cmath>

#include "base/numeric.hpp"
#include "workloads/attention_core.hpp"
#include "workloads/attention_parts.hpp"
#include "workloads/attention_span.hpp"

namespace supernode {

namespace {

// Sequences, and documents inside them, as the core sees them.
struct Sequences {
  explicit Sequences(const RankShape& shape) {
    const PlanSpec& plan = shape.plan;
    length = plan.document_length > 0 ? std::min(plan.document_length, plan.sequence_length) : plan.sequence_length;
    batch = plan.micro_batch * std::max<std::int64_t>(1, plan.sequence_length / length);
    queries = plan.micro_batch * plan.local_sequence() / batch;
  }
  std::int64_t batch = 0, length = 0;
  std::int64_t queries = 0;  // of each, on this context-parallel rank
};

AttentionKernel one_head_kernel(const RankShape& shape, std::int64_t heads, double keys, std::int64_t qk,
                                std::int64_t v) {
  const Sequences sequences(shape);
  return {.batch = sequences.batch,
          .heads = heads,
          .kv_heads = 1,
          .seq_q = sequences.queries,
          .seq_kv = std::max<std::int64_t>(1, std::llround(keys)),
          .head_dim = qk,
          .head_dim_v = v,
          .causal = false,
          .precision = shape.activation};
}

Op backward_op(std::string name, AttentionKernel kernel) {
  kernel.backward = true;
  return compute_op(std::move(name), ComputeClass::kAttention, kernel);
}

// One row of `columns` for each `ratio` tokens of the whole sequence.
Op context_op(const RankShape& shape, std::string name, CollectiveOp op, std::int64_t columns, std::int64_t ratio) {
  const double tokens = real(shape.plan.micro_batch * shape.plan.sequence_length);
  return comm_op(std::move(name), CommClass::kContext, GroupKind::kContext,
                 {.op = op, .bytes = tokens / real(ratio) * real(columns) * shape.element});
}

// Tokens' keys of the window before the rank's own first token, from the neighbour.
Op window_op(const RankShape& shape, std::string name, std::int64_t columns) {
  const std::int64_t window = std::min(shape.model.attention.window, shape.plan.local_sequence());
  return comm_op(std::move(name), CommClass::kContext, GroupKind::kContext,
                 {.op = CollectiveOp::kSendRecv,
                  .bytes = tensor_elements(shape.plan.micro_batch * window, columns) * shape.element});
}

// What context-parallel ranks exchange before the core, and the gradients after it.
void add_context(const RankShape& shape, std::int64_t columns, std::int64_t ratio, LayerPart& part) {
  if (shape.plan.context_parallel == 1) return;
  if (shape.model.attention.kind == AttentionKind::kCompressed) {
    part.forward.insert(part.forward.begin(), window_op(shape, "attn.context.window", columns));
    part.backward.push_back(window_op(shape, "attn.context.window.backward", columns));
  }
  if (ratio == 0) return;
  const Op gather = context_op(shape, "attn.context.gather", CollectiveOp::kAllGather, columns, ratio);
  part.forward.insert(part.forward.begin(), gather);
  part.backward.insert(part.backward.begin(),
                       context_op(shape, "attn.context.regather", CollectiveOp::kAllGather, columns, ratio));
  part.backward.push_back(context_op(shape, "attn.context.reduce", CollectiveOp::kReduceScatter, columns, ratio));
}

// Queries, key (of a merged token: values and gates of both its blocks) and a weight for each head.
void append_index_projections(const RankShape& shape, std::int64_t ratio, EventSource& events, LayerParts& parts) {
  const AttentionSpec& a = shape.model.attention;
  const std::int64_t rows = shape.tokens, width = a.indexer.head_dim, hidden = shape.model.hidden;
  const bool compressed = a.kind == AttentionKind::kCompressed;
  if (shape.sequence_sharded) {
    LayerPart gather;
    gather.forward.push_back(
        comm_op("attn.index.gather", CommClass::kTensor, GroupKind::kTensor,
                {.op = CollectiveOp::kAllGather, .bytes = tensor_elements(rows, hidden) * shape.element}));
    parts.push_back(gather);
  }
  const std::int64_t key = compressed ? 4 * width : width;
  parts.push_back(attention_product(shape, "attn.index.q", LinearKind::kLocal, rows,
                                    a.q_lora_rank > 0 ? a.q_lora_rank : hidden, a.indexer.heads * width, events));
  parts.push_back(
      attention_product(shape, "attn.index.k", LinearKind::kLocal, rows, hidden, key + a.indexer.heads, events));
  const double merged = tensor_elements(rows, width) / real(ratio);
  parts.push_back(local_norm_part(shape, "attn.index.norm", merged));
  parts.push_back(rope_part(shape, "attn.index.rope", a.indexer.heads * a.rope_head_dim));
}

// Mean keys that the indexer scores on the rank that has most to do.
double scored_keys(const RankShape& shape, const AttentionSpan& span) {
  const PlanSpec& plan = shape.plan;
  const bool uneven = plan.context_parallel > 1 && !plan.context.balanced && shape.model.attention.causal;
  return uneven ? 2 * span.scored * (1 - 0.5 / real(plan.context_parallel)) : span.scored;
}

}  // namespace

// The scores are written and read once, in fp32, to choose from. The loss that trains the indexer compares them, at the
// chosen keys only, with the attention of all heads there, which is made again for it.
void append_indexer(const RankShape& shape, const LayerForm& form, std::int64_t ratio, EventSource& events,
                    LayerParts& parts) {
  append_index_projections(shape, ratio, events, parts);
  const IndexerSpec& index = shape.model.attention.indexer;
  const std::int64_t length = Sequences(shape).length;
  const AttentionSpan span = attention_span(shape.model, form, length);
  const double keys = scored_keys(shape, span);
  const double entries = real(shape.tokens) * keys;
  const double indices = tensor_elements(shape.tokens, std::min(index.topk, length / ratio));
  const Bytes fp32 = bytes_per_element(Precision::kFp32);
  LayerPart part;
  if (shape.plan.context_parallel > 1) {
    part.forward.push_back(
        context_op(shape, "attn.index.context.gather", CollectiveOp::kAllGather, index.head_dim, ratio));
    part.backward.push_back(
        context_op(shape, "attn.index.context.reduce", CollectiveOp::kReduceScatter, index.head_dim, ratio));
  }
  part.forward.push_back(compute_op("attn.index.scores", ComputeClass::kAttention,
                                    one_head_kernel(shape, index.heads, keys, index.head_dim, 0)));
  part.forward.push_back(vector_op("attn.index.topk", ComputeClass::kAttention, VectorKind::kRouter, entries * fp32,
                                   (entries + indices) * fp32));
  const CoreHeads core = core_heads(shape.model);
  Op target = compute_op("attn.index.target", ComputeClass::kAttention,
                         one_head_kernel(shape, core.heads / shape.tensor, span.chosen, core.qk_dim, 0));
  target.recompute = true;
  part.backward.insert(
      part.backward.begin(),
      backward_op("attn.index.scores.backward", one_head_kernel(shape, index.heads, span.chosen, index.head_dim, 0)));
  part.backward.insert(part.backward.begin(), target);
  parts.push_back(part);
}

LayerPart shared_core_part(const RankShape& shape, const LayerForm& form, std::int64_t ratio) {
  const CoreHeads core = core_heads(shape.model);
  const double keys = mean_keys(shape.model, form, Sequences(shape).length);
  const AttentionKernel kernel = one_head_kernel(shape, core.heads / shape.tensor, keys, core.qk_dim, core.v_dim);
  LayerPart part;
  part.module = RecomputeModule::kCoreAttention;
  part.forward.push_back(compute_op("attn.core", ComputeClass::kAttention, kernel));
  part.backward.push_back(backward_op("attn.core.backward", kernel));
  add_context(shape, core.qk_dim, ratio, part);
  return part;
}

}  // namespace supernode
