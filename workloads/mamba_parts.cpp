// A Mamba-2 layer (arXiv 2405.21060): one in-projection for gate, input, the groups' input and output matrices and step
// sizes; a short convolution; the state-space scan as products of chunks (section 6); a gated norm; the out-projection.
// Tensor parallelism splits the heads; context-parallel ranks exchange tokens for heads around the scan, as Megatron-
// Core does (mamba_context_parallel.py), whatever `context.kind`.

#include <algorithm>

#include "base/numeric.hpp"
#include "workloads/attention_parts.hpp"
#include "workloads/attention_span.hpp"

namespace supernode {

namespace {

class MambaBuilder {
 public:
  MambaBuilder(const RankShape& shape, EventSource& events)
      : shape_(shape),
        spec_(shape.model.attention.mamba),
        events_(events),
        inner_(mamba_inner(shape.model) / shape.tensor),
        groups_(std::max<std::int64_t>(1, spec_.groups / shape.tensor)) {}

  void build(LayerParts& parts);

 private:
  std::int64_t mixed_columns() const { return inner_ + 2 * groups_ * spec_.state; }
  std::int64_t projected_columns() const;
  LayerPart scan() const;
  LayerPart exchange(const std::string& name, std::int64_t columns) const;
  void product(const std::string& name, const GemmKernel& forward, LayerPart& part) const;
  LayerPart rows_part(const std::string& name, VectorKind kind, std::int64_t columns, const VectorTraffic& traffic,
                      std::optional<RecomputeModule> module) const;

  const RankShape& shape_;
  const MambaSpec& spec_;
  EventSource& events_;
  std::int64_t inner_, groups_;  // of this tensor-parallel rank
};

std::int64_t MambaBuilder::projected_columns() const {
  const AttentionSpec& a = shape_.model.attention;
  const std::int64_t heads = a.heads > 0 ? a.heads : mamba_heads(shape_.model);
  return inner_ + mixed_columns() + heads / shape_.tensor;
}

LayerPart MambaBuilder::rows_part(const std::string& name, VectorKind kind, std::int64_t columns,
                                  const VectorTraffic& traffic, std::optional<RecomputeModule> module) const {
  return vector_part(shape_, name, kind, ComputeClass::kVector, tensor_elements(shape_.tokens, columns), traffic,
                     module);
}

// Tokens for heads, and back in the backward pass.
LayerPart MambaBuilder::exchange(const std::string& name, std::int64_t columns) const {
  LayerPart part;
  if (shape_.plan.context_parallel == 1) return part;
  const CollectiveCall call{.op = CollectiveOp::kAllToAll,
                            .bytes = tensor_elements(shape_.tokens, columns) * shape_.element};
  part.forward.push_back(comm_op(name, CommClass::kContext, GroupKind::kContext, call));
  part.backward.push_back(comm_op(name + ".backward", CommClass::kContext, GroupKind::kContext, call));
  return part;
}

// A product of activations: backward one for each of its operands.
void MambaBuilder::product(const std::string& name, const GemmKernel& forward, LayerPart& part) const {
  part.forward.push_back(compute_op(name, ComputeClass::kAttention, forward));
  GemmKernel left = forward, right = forward;
  left.pass = Pass::kDgrad, left.n = forward.k, left.k = forward.n;
  right.pass = Pass::kWgrad, right.m = forward.k, right.k = forward.m;
  part.backward.push_back(compute_op(name + ".dgrad", ComputeClass::kAttention, left));
  part.backward.push_back(compute_op(name + ".wgrad", ComputeClass::kAttention, right));
}

// Per chunk: scores of its positions (a group), their product with the values, the state it leaves and what the state
// before it adds (a head). Scores and states are written and read once between the products, in fp32.
LayerPart MambaBuilder::scan() const {
  const PlanSpec& plan = shape_.plan;
  const std::int64_t documents =
      plan.document_length > 0 ? std::min(plan.document_length, plan.sequence_length) : plan.sequence_length;
  const std::int64_t chunk = std::min(documents, kScanChunk), cp = plan.context_parallel;
  const std::int64_t heads = std::max<std::int64_t>(1, inner_ / spec_.head_dim / cp);
  const std::int64_t groups = std::max<std::int64_t>(1, groups_ / cp);
  const std::int64_t chunks = (shape_.tokens * cp + chunk - 1) / chunk;
  const auto gemm = [&](std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t count) {
    return GemmKernel{.m = m, .n = n, .k = k, .groups = chunks * count, .precision = shape_.activation};
  };
  LayerPart part;
  part.module = RecomputeModule::kCoreAttention;
  product("mamba.scores", gemm(chunk, chunk, spec_.state, groups), part);
  product("mamba.values", gemm(chunk, spec_.head_dim, chunk, heads), part);
  product("mamba.states", gemm(spec_.head_dim, spec_.state, chunk, heads), part);
  product("mamba.outputs", gemm(chunk, spec_.head_dim, spec_.state, heads), part);
  const double kept = real(chunks) * (real(groups) * real(chunk) * real(chunk) +
                                      real(heads) * real(spec_.head_dim) * real(spec_.state));
  const Bytes bytes = kept * bytes_per_element(Precision::kFp32);
  part.forward.push_back(vector_op("mamba.scan", ComputeClass::kVector, VectorKind::kElementwise, bytes, bytes));
  std::reverse(part.backward.begin(), part.backward.end());
  part.backward.push_back(
      vector_op("mamba.scan.backward", ComputeClass::kVector, VectorKind::kElementwise, 2.0 * bytes, bytes));
  return part;
}

void MambaBuilder::build(LayerParts& parts) {
  const std::int64_t hidden = shape_.model.hidden;
  parts.push_back(
      attention_product(shape_, "mamba.in", LinearKind::kColumn, shape_.tokens, hidden, projected_columns(), events_));
  parts.push_back(exchange("mamba.context.in", projected_columns()));
  parts.push_back(rows_part("mamba.conv", VectorKind::kElementwise, mixed_columns(), {}, RecomputeModule::kActivation));
  parts.push_back(scan());
  parts.push_back(exchange("mamba.context.out", inner_));
  parts.push_back(rows_part("mamba.norm", VectorKind::kNorm, inner_,
                            {.forward_read = 2, .backward_read = 3, .backward_written = 2}, RecomputeModule::kNorm));
  parts.push_back(attention_product(shape_, "mamba.out", LinearKind::kRow, shape_.tokens, inner_, hidden, events_));
}

}  // namespace

void append_mamba(const RankShape& shape, EventSource& events, LayerParts& parts) {
  MambaBuilder(shape, events).build(parts);
}

}  // namespace supernode
