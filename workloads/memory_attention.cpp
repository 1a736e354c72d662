// Kept tensors of attention, in all its forms.

#include <algorithm>

#include "base/numeric.hpp"
#include "workloads/memory_tensors.hpp"
#include "workloads/rank_layout.hpp"

namespace supernode {
namespace {

using enum RecomputeModule;

constexpr double kFp32 = 4;
constexpr double kIndex = 4;  // a top-k choice is an int32

// Stored scores: the softmax output, with dropout its mask and output too: 5·a·s²·b in arXiv 2205.05198, section 4.1.
constexpr double kScoreBytes = 2, kDroppedScoreBytes = 5;

// DeepSeek-V3 keeps the attention output once, for the core's backward pass and the projection alike, in twelve bits
// (E5M6; arXiv 2412.19437, section 3.3.3).
constexpr double kNarrowOutputBytes = 1.5;

// Bytes of query, key, value and output of the attention core.
struct Core {
  double query = 0, key = 0, value = 0, output = 0;
  double heads = 0;  // query heads on this rank, over the rank's tokens
  double sum() const { return query + key + value + output; }
};

// At least one key-value head stands on a rank: they are repeated for more tensor-parallel or Ulysses ranks than heads.
double key_value_heads(const ActivationSizes& s) {
  const double heads = real(s.model.attention.kv_heads) / s.tp;
  return std::max({heads, 1.0, real(ulysses_degree(s.plan))});
}

Core attention_core(const ActivationSizes& s) {
  const AttentionSpec& a = s.model.attention;
  const bool latent = a.kind == AttentionKind::kMla || a.kind == AttentionKind::kCompressed;
  const double heads = real(a.heads) / s.tp;
  const double kv = a.kind == AttentionKind::kMla ? heads : latent ? 1 : key_value_heads(s);
  const double unit = s.element * s.tokens;
  return {.query = unit * heads * real(a.qk_head_dim()),
          .key = unit * kv * real(a.qk_head_dim()),
          .value = a.kind == AttentionKind::kCompressed ? 0 : unit * kv * real(a.value_head_dim()),
          .output = unit * heads * real(a.value_head_dim()),
          .heads = heads};
}

// The output as the core's backward pass needs it, and quantised as the projection's input where that is narrower; or
// one narrow tensor for both.
double kept_output(const ActivationSizes& s, const Core& core) {
  if (s.cached < s.element) return core.output * kNarrowOutputBytes / s.element;
  return core.output * (s.operand < s.element ? 1 + s.operand / s.element : 1);
}

// Flash attention keeps its output and the statistics of each row's softmax; without it the scores stay.
void add_core(const ActivationSizes& s, const Core& core, BlockTensors& block) {
  block.keep_input(kept_output(s, core));
  if (s.plan.flash_attention)
    block.keep(s.stack.softmax_row_bytes * core.heads * s.tokens, {kCoreAttention});
  else
    block.keep(
        (s.plan.dropout ? kDroppedScoreBytes : kScoreBytes) * core.heads * s.tokens * real(s.plan.sequence_length),
        {kCoreAttention});
  block.output_gradients += core.query + core.key + core.value + s.element * s.hidden * s.token_shard;
  block.working += core.sum();
}

// Keys and values on their way between context-parallel ranks, and their gradients: one block behind and one ahead in a
// ring, all of them when gathered.
double context_buffers(const ActivationSizes& s, const Core& core) {
  const double cp = real(s.plan.context_parallel), moved = core.key + core.value;
  if (s.plan.context_parallel == 1) return 0;
  switch (s.plan.context.kind) {
    case ContextKind::kUlysses:
      return core.sum();  // before the exchange, beside after it
    case ContextKind::kAllGather:
      return 2 * moved * (cp - 1);
    case ContextKind::kRing:
    case ContextKind::kHybrid:
      break;
  }
  return 4 * moved;
}

// Latents of MLA: norm inputs stay, their normed copies (inputs of the up-projections) can be recomputed.
void add_latents(const ActivationSizes& s, BlockTensors& block) {
  const AttentionSpec& a = s.model.attention;
  block.keep(s.element * real(a.q_lora_rank + a.kv_lora_rank + a.rope_head_dim) * s.token_shard);
  block.keep_input(s.operand * real(a.q_lora_rank + a.kv_lora_rank) * s.token_shard, {kNorm});
  block.output_gradients += s.element * real(a.q_lora_rank + a.kv_lora_rank + a.rope_head_dim) * s.token_shard;
}

// Light queries, a key and a weight a head for all tokens, replicated over tensor-parallel ranks; the choice itself.
void add_indexer(const ActivationSizes& s, const LayerForm& form, BlockTensors& block) {
  const IndexerSpec& indexer = s.model.attention.indexer;
  if (!form.indexes) return;
  const double columns = real((indexer.heads + 1) * indexer.head_dim + indexer.heads);
  block.keep(s.element * columns * s.tokens);
  block.keep(kIndex * std::min(real(indexer.topk), real(s.plan.sequence_length)) * s.tokens);
}

void add_plain(const ActivationSizes& s, const LayerForm& form, BlockTensors& block) {
  const AttentionSpec& a = s.model.attention;
  const Core core = attention_core(s);
  const double inputs = core.query + core.key + core.value;
  if (a.kind == AttentionKind::kMla) {
    add_latents(s, block);
    block.keep(inputs, {kMlaUpProjection});
    add_indexer(s, form, block);
  } else {
    block.keep(inputs);
    if (s.stack.copies_key_value && a.kv_heads == a.heads) block.keep(core.key + core.value);
    if (s.stack.keeps_unrotated) block.keep(core.query + core.key);
  }
  if (a.qk_norm) block.keep(core.query + core.key, {kNorm});  // normed copies
  add_core(s, core, block);
  block.working += context_buffers(s, core);
}

// DeepSeek-V4: queries through a latent, one raw key, what the compressors make of it (values and gates of each token,
// twice where blocks overlap, and the merged keys), and the grouped output projection.
void add_compressed(const ActivationSizes& s, const LayerForm& form, BlockTensors& block) {
  const AttentionSpec& a = s.model.attention;
  const CompressionSpec& c = a.compression;
  const Core core = attention_core(s);
  block.keep(s.element * real(a.q_lora_rank) * s.token_shard);
  block.keep_input(s.operand * real(a.q_lora_rank) * s.token_shard, {kNorm});
  block.keep(core.query, {kMlaUpProjection});
  block.keep(core.key);
  if (!form.windowed) {
    const double ratio = real(form.sparse ? c.sparse_ratio : c.dense_ratio);
    block.keep(core.key * ((form.sparse ? 4 : 2) + 1 / ratio));
  }
  add_indexer(s, form, block);
  block.keep_input(s.operand * real(c.output_groups * c.output_rank) / s.tp * s.tokens);
  add_core(s, core, block);
  block.working += context_buffers(s, core);
}

// Mamba-2 (mamba_ssm, ssd_combined): the projection's output, the convolution's, the scan's and the gated norm's; the
// scan makes its chunk states again.
void add_mamba(const ActivationSizes& s, BlockTensors& block) {
  const MambaSpec& m = s.model.attention.mamba;
  const double inner = real(m.expand) * s.hidden, mixed = inner + 2 * real(m.groups * m.state);
  const double unit = s.element * s.tokens / s.tp;
  const double projected = unit * (inner + mixed + real(s.model.attention.heads));
  block.keep(projected + unit * mixed + unit * inner);
  block.keep_input(s.operand * inner * s.tokens / s.tp, {kNorm});
  block.output_gradients += projected + s.element * s.hidden * s.token_shard;
  block.working += projected + unit * (mixed + inner);
}

// Adapters on four projections keep their narrow products (arXiv 2106.09685).
void add_adapters(const ActivationSizes& s, BlockTensors& block) {
  block.keep(4 * s.element * real(s.plan.lora.rank) * s.tokens);
}

}  // namespace

void add_norm(const ActivationSizes& s, BlockTensors& block) {
  block.keep(s.residual);
  if (s.plan.dropout) block.keep(s.hidden * s.token_shard);  // the mask of the branch: a byte an element
  // Hyper-connections hand the block one mixture of the streams.
  if (s.model.residual_streams > 1) block.keep(s.element * s.hidden * s.token_shard);
  block.keep_input(s.operand * s.hidden * s.token_shard, {kNorm});
}

BlockTensors attention_tensors(const ActivationSizes& s, const LayerForm& form) {
  BlockTensors block;
  add_norm(s, block);
  // Sandwich norms: inputs of the norms behind attention and MLP.
  block.keep(std::max(0.0, real(s.model.norms_per_layer) - 2) * s.element * s.hidden * s.token_shard);
  add_adapters(s, block);
  switch (s.model.attention.kind) {
    case AttentionKind::kMamba:
      add_mamba(s, block);
      break;
    case AttentionKind::kCompressed:
      add_compressed(s, form, block);
      break;
    case AttentionKind::kMha:
    case AttentionKind::kGqa:
    case AttentionKind::kMla:
      add_plain(s, form, block);
  }
  return block;
}

}  // namespace supernode
