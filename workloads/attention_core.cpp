#include "workloads/attention_core.hpp"

#include <algorithm>
#include <cmath>

#include "base/numeric.hpp"
#include "workloads/attention_span.hpp"
#include "workloads/unfused_traffic.hpp"

namespace supernode {

namespace {

AttentionKernel flash_kernel(const RankShape& shape, const CoreWork& work, const CoreBlock& block, bool backward) {
  return {.batch = work.batch,
          .heads = work.heads,
          .kv_heads = work.kv_heads,
          .seq_q = block.queries,
          .seq_kv = std::max<std::int64_t>(1, std::llround(block.keys)),
          .head_dim = work.qk_dim,
          .head_dim_v = work.v_dim,
          .causal = block.triangle,
          .backward = backward,
          .precision = shape.plan.fp8_attention ? Precision::kFp8 : shape.activation,
          .library = shape.plan.attention_library};
}

// Attention without flash: each product over the whole rectangle, masked or not, one matrix a head (keys and values of
// shared heads are expanded first, as Megatron-LM's DotProductAttention does).
class StoredScores {
 public:
  StoredScores(const RankShape& shape, const CoreWork& work, const CoreBlock& block, std::vector<Op>& ops)
      : shape_(shape), work_(work), block_(block), ops_(ops) {}

  void forward() {
    product(".scores", Pass::kForward, block_.queries, block_.held, work_.qk_dim);
    over_scores(".softmax", VectorKind::kSoftmax, 1, 1);
    if (shape_.plan.dropout) over_scores(".dropout", VectorKind::kElementwise, 1, 1 + kDropoutMask);
    product(".values", Pass::kForward, block_.queries, work_.v_dim, block_.held);
    reorder(".reorder", block_.queries * work_.v_dim);
  }
  // Gradients of probabilities and values, of the scores (probabilities and their gradient read, one written), then of
  // queries and keys.
  void backward() {
    reorder(".reorder.backward", block_.queries * work_.v_dim);
    product(".values.dgrad", Pass::kDgrad, block_.queries, block_.held, work_.v_dim);
    product(".values.wgrad", Pass::kWgrad, block_.held, work_.v_dim, block_.queries);
    if (shape_.plan.dropout) over_scores(".dropout.backward", VectorKind::kElementwise, 1 + kDropoutMask, 1);
    over_scores(".softmax.backward", VectorKind::kSoftmax, 2, 1);
    product(".scores.dgrad", Pass::kDgrad, block_.queries, work_.qk_dim, block_.held);
    product(".scores.wgrad", Pass::kWgrad, block_.held, work_.qk_dim, block_.queries);
    reorder(".join.backward", block_.queries * work_.qk_dim + block_.held * (work_.qk_dim + work_.v_dim));
  }

 private:
  void product(const std::string& what, Pass pass, std::int64_t m, std::int64_t n, std::int64_t k) {
    const GemmKernel kernel{
        .m = m, .n = n, .k = k, .groups = work_.batch * work_.heads, .precision = shape_.activation, .pass = pass};
    ops_.push_back(compute_op("attn.core" + what, ComputeClass::kAttention, kernel));
  }
  // So many of the scores read and written in one pass: scale, mask and softmax together, or dropout.
  void over_scores(const std::string& what, VectorKind kind, double read, double written) {
    const Bytes scores = real(work_.batch * work_.heads) * real(block_.queries) * real(block_.held) * shape_.element;
    ops_.push_back(vector_op("attn.core" + what, ComputeClass::kAttention, kind, read * scores, written * scores));
  }
  // Heads outside, as the products want them, to tokens outside, as the projections do (Megatron-LM's contiguous copy
  // of the context), and the joined gradients of queries, keys and values; `elements` of one head.
  void reorder(const std::string& what, std::int64_t elements) {
    const Bytes all = real(work_.batch * work_.heads) * real(elements) * shape_.element;
    ops_.push_back(vector_op("attn.core" + what, ComputeClass::kAttention, VectorKind::kPermute, all, all));
  }

  const RankShape& shape_;
  const CoreWork& work_;
  const CoreBlock& block_;
  std::vector<Op>& ops_;
};

}  // namespace

std::int64_t rank_kv_heads(const RankShape& shape) {
  return std::max<std::int64_t>(1, core_heads(shape.model).kv_heads / shape.tensor);
}

// Documents that divide the sequence are sequences of their own; others keep their mean reach inside it.
CoreWork core_work(const RankShape& shape, const LayerForm& form) {
  const PlanSpec& plan = shape.plan;
  const AttentionSpec& a = shape.model.attention;
  const CoreHeads core = core_heads(shape.model);
  const std::int64_t seq = plan.sequence_length;
  const std::int64_t document = plan.document_length > 0 ? std::min(plan.document_length, seq) : seq;
  const bool divides = seq % document == 0;
  CoreWork work{.batch = plan.micro_batch * (divides ? seq / document : 1),
                .length = divides ? document : seq,
                .heads = core.heads / shape.tensor,
                .kv_heads = rank_kv_heads(shape),
                .qk_dim = core.qk_dim,
                .v_dim = core.v_dim};
  work.keys = mean_keys(shape.model, form, document);
  if (!divides) work.reach = document;
  if (form.windowed && a.window > 0 && a.window < document) work.reach = a.window;
  work.triangle = a.causal && work.reach == 0;
  return work;
}

void append_block(const RankShape& shape, const CoreWork& work, const CoreBlock& block, bool backward,
                  std::vector<Op>& ops) {
  if (shape.plan.flash_attention) {
    ops.push_back(compute_op(backward ? "attn.core.backward" : "attn.core", ComputeClass::kAttention,
                             flash_kernel(shape, work, block, backward)));
    return;
  }
  StoredScores scores(shape, work, block, ops);
  if (backward) {
    scores.backward();
  } else {
    scores.forward();
  }
}

}  // namespace supernode
