// The ends of the model: input embedding, output head with cross entropy, and what leads into an MTP module. The
// vocabulary is sharded over the tensor-parallel ranks (arXiv 1909.08053, section 3).

#include "base/numeric.hpp"
#include "workloads/layer_program.hpp"

namespace supernode {

namespace {

double rows_by_hidden(const RankShape& shape, std::int64_t rows) { return real(rows) * real(shape.model.hidden); }

Op tensor_comm(const RankShape& shape, std::string name, CollectiveOp op) {
  return comm_op(std::move(name), CommClass::kTensor, GroupKind::kTensor,
                 {.op = op, .bytes = rows_by_hidden(shape, shape.tokens) * shape.element});
}

// Three all-reduces of one fp32 value a token: the largest logit, the target's logit and the sum of exponentials
// (Megatron-LM, vocab_parallel_cross_entropy).
void append_loss_reductions(const RankShape& shape, std::vector<Op>& ops) {
  if (shape.tensor == 1) return;
  const Bytes bytes = real(shape.tokens) * bytes_per_element(Precision::kFp32);
  for (const char* name : {"head.loss.max", "head.loss.target", "head.loss.sum"}) {
    ops.push_back(
        comm_op(name, CommClass::kTensor, GroupKind::kTensor, {.op = CollectiveOp::kAllReduce, .bytes = bytes}));
  }
}

// Fused cross entropy: reads the logits twice (sum of exponentials, then softmax) and writes their gradient in place;
// backward scales it by the incoming gradient.
LayerPart loss_part(const RankShape& shape) {
  const double logits = real(shape.tokens) * real(shape.model.vocab / shape.tensor);
  LayerPart part = vector_part(shape, "head.loss", VectorKind::kLoss, ComputeClass::kLoss, logits,
                               {.forward_read = 2, .forward_written = 1, .backward_read = 1, .backward_written = 1});
  append_loss_reductions(shape, part.forward);
  return part;
}

// The output of the MTP projection is sharded by columns; it is gathered, and so is its gradient.
LayerPart gather_part(const RankShape& shape, const std::string& name) {
  LayerPart part;
  if (shape.tensor == 1) return part;
  part.forward.push_back(tensor_comm(shape, name, CollectiveOp::kAllGather));
  if (shape.sequence_sharded) {
    part.backward.push_back(tensor_comm(shape, name + ".backward", CollectiveOp::kAllGather));
  }
  return part;
}

}  // namespace

// Each rank looks up the tokens whose rows it holds, zero for the others, and the results are summed. Backward adds the
// rows' gradients into the gradient buffer (read and write).
LayerParts embedding_parts(const RankShape& shape) {
  const double output = rows_by_hidden(shape, shape.tokens);
  const double hits = output / real(shape.tensor);
  const Bytes gradient = hits * bytes_per_element(shape.plan.gradient);
  LayerPart part;
  part.forward.push_back(vector_op("embedding", ComputeClass::kEmbedding, VectorKind::kEmbedding, hits * shape.element,
                                   output * shape.element));
  if (shape.tensor > 1) {
    part.forward.push_back(tensor_comm(
        shape, "embedding.reduce", shape.sequence_sharded ? CollectiveOp::kReduceScatter : CollectiveOp::kAllReduce));
  }
  if (shape.sequence_sharded) {
    part.backward.push_back(tensor_comm(shape, "embedding.grad.gather", CollectiveOp::kAllGather));
  }
  part.backward.push_back(vector_op("embedding.backward", ComputeClass::kEmbedding, VectorKind::kEmbedding,
                                    output * shape.element + gradient, gradient));
  return {part};
}

// The output projection stays in the activations' precision under low-precision recipes (arXiv 2412.19437, section
// 3.3.1; Transformer Engine recipes quantise the layers only).
LayerParts head_parts(const RankShape& shape, EventSource& events) {
  LayerParts parts;
  parts.push_back(norm_part(shape, "head.norm", rows_by_hidden(shape, shape.local_tokens)));
  parts.push_back(linear_part(shape,
                              {.name = "head.projection",
                               .kind = LinearKind::kColumn,
                               .rows = shape.tokens,
                               .in = shape.model.hidden,
                               .out = shape.model.vocab / shape.tensor,
                               .precision = shape.quantised ? shape.activation : shape.plan.compute},
                              events));
  parts.push_back(loss_part(shape));
  return parts;
}

LayerParts mtp_input_parts(const RankShape& shape, EventSource& events) {
  LayerParts parts = embedding_parts(shape);
  parts.push_back(norm_part(shape, "mtp.norms", 2 * rows_by_hidden(shape, shape.local_tokens)));
  parts.push_back(linear_part(shape,
                              {.name = "mtp.projection",
                               .kind = LinearKind::kColumn,
                               .rows = shape.tokens,
                               .in = 2 * shape.model.hidden,
                               .out = shape.model.hidden / shape.tensor,
                               .precision = shape.plan.compute},
                              events));
  parts.push_back(gather_part(shape, "mtp.projection.output_gather"));
  return parts;
}

}  // namespace supernode
