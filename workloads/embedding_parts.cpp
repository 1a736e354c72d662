// The ends of the model: input embedding, output head with cross entropy, and what leads into an MTP module. The
// vocabulary is sharded over the tensor-parallel ranks, padded to a multiple of them (arXiv 1909.08053, section 3).

#include "base/numeric.hpp"
#include "workloads/layer_program.hpp"
#include "workloads/unfused_traffic.hpp"

namespace supernode {

namespace {

double rows_by_hidden(const RankShape& shape, std::int64_t rows) { return real(rows) * real(shape.model.hidden); }

Op tensor_comm(const RankShape& shape, std::string name, CollectiveOp op, GroupKind group = GroupKind::kTensor,
               std::int64_t parts = 1) {
  return comm_op(std::move(name), CommClass::kTensor, group,
                 {.op = op, .bytes = rows_by_hidden(shape, shape.tokens) * shape.element / real(parts)});
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

// Rows of the output projection on one rank.
std::int64_t head_columns(const RankShape& shape) {
  return (shape.model.head_rows() + shape.tensor - 1) / shape.tensor;
}

// Fused cross entropy reads the logits twice (sum of exponentials, then softmax) and writes their final gradient in
// place.
LayerPart loss_part(const RankShape& shape) {
  const double logits = real(shape.tokens) * real(head_columns(shape));
  const VectorTraffic fused{.forward_read = 2, .forward_written = 1, .backward_kernels = 0};
  LayerPart part = vector_part(shape, "head.loss", VectorKind::kLoss, ComputeClass::kLoss, logits,
                               shape.plan.fused_loss ? fused : kUnfusedLoss);
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

// Under 2D tensor parallelism the ends of the model are split in one dimension: what comes from the layers is gathered
// along the tokens, then along the columns, and its gradient simply cut (MindSpeed, tp_2d).
void append_whole(const RankShape& shape, const std::string& name, LayerParts& parts) {
  if (shape.plan.tensor_y == 1) return;
  LayerPart part;
  part.forward.push_back(
      tensor_comm(shape, name + ".gather_x", CollectiveOp::kAllGather, GroupKind::kTensorX, shape.plan.tensor_y));
  part.forward.push_back(tensor_comm(shape, name + ".gather_y", CollectiveOp::kAllGather, GroupKind::kTensorY));
  parts.push_back(part);
}

// Tokens' vectors from the shards to where the layers want them.
void add_embedding_exchange(const RankShape& shape, LayerPart& part) {
  const bool two_dimensional = shape.plan.tensor_y > 1;
  if (shape.tensor > 1) {
    const bool scatters = shape.sequence_sharded && !two_dimensional;
    part.forward.push_back(
        tensor_comm(shape, "embedding.reduce", scatters ? CollectiveOp::kReduceScatter : CollectiveOp::kAllReduce));
  }
  if (two_dimensional) {
    const std::int64_t x = shape.tensor / shape.plan.tensor_y;
    part.backward.push_back(
        tensor_comm(shape, "embedding.grad.gather_y", CollectiveOp::kAllGather, GroupKind::kTensorY, x));
    part.backward.push_back(
        tensor_comm(shape, "embedding.grad.gather_x", CollectiveOp::kAllGather, GroupKind::kTensorX));
  } else if (shape.sequence_sharded) {
    part.backward.push_back(tensor_comm(shape, "embedding.grad.gather", CollectiveOp::kAllGather));
  }
}

// Rows of n-gram tables come from the ranks that hold them, and their gradients go back. Table ids are a few bytes a
// token and left out.
void add_ngram_exchange(const RankShape& shape, LayerPart& part) {
  if (shape.model.ngram_parameters == 0 || shape.plan.shards() == 1) return;
  const CollectiveCall call{.op = CollectiveOp::kAllToAll,
                            .bytes = rows_by_hidden(shape, shape.tokens) / real(shape.tensor) * shape.element};
  part.forward.push_back(comm_op("embedding.ngram", CommClass::kData, GroupKind::kDataShard, call));
  part.backward.push_back(comm_op("embedding.ngram.backward", CommClass::kData, GroupKind::kDataShard, call));
}

// Each rank looks up the tokens whose rows it holds, zero for the others, and the results are summed. Backward adds the
// rows' gradients into the gradient buffer (read and write). n-gram tables are looked up and added alike: together as
// wide as the hidden size (LongCat-Flash-Lite, arXiv 2601.21204: the tables share the width).
LayerPart lookup_part(const RankShape& shape) {
  const double tables = shape.model.ngram_parameters > 0 ? 2 : 1;
  const double output = rows_by_hidden(shape, shape.tokens);
  const double hits = tables * output / real(shape.tensor);
  const Bytes gradient = hits * bytes_per_element(shape.plan.gradient);
  LayerPart part;
  part.forward.push_back(vector_op("embedding", ComputeClass::kEmbedding, VectorKind::kEmbedding, hits * shape.element,
                                   output * shape.element));
  add_ngram_exchange(shape, part);
  add_embedding_exchange(shape, part);
  part.backward.push_back(vector_op("embedding.backward", ComputeClass::kEmbedding, VectorKind::kEmbedding,
                                    output * shape.element + gradient, gradient));
  if (shape.plan.lora.rank > 0) part.backward.clear();  // frozen, and nothing stands before it
  part.weight = part.backward;
  return part;
}

Linear end_linear(const RankShape& shape, std::string name, LinearKind kind, std::int64_t rows, std::int64_t in,
                  std::int64_t out) {
  return {.name = std::move(name),
          .kind = kind,
          .rows = rows,
          .in = in,
          .out = out,
          .precision = shape.quantised ? shape.activation : shape.plan.compute,
          .lora = LoraTarget::kNone,
          .whole_input = shape.plan.tensor_y > 1};
}

// A diffusion model ends as it begins: final scale and shift from the conditioning vector, a linear map to the patch,
// and the squared error (prediction and target read, its gradient written).
void append_patch_output(const RankShape& shape, EventSource& events, LayerParts& parts) {
  const ModelSpec& model = shape.model;
  if (model.condition_width > 0) {
    parts.push_back(linear_part(shape,
                                end_linear(shape, "head.modulation", LinearKind::kLocal, shape.plan.micro_batch,
                                           model.condition_width, 2 * model.hidden),
                                events));
  }
  parts.push_back(linear_part(
      shape,
      end_linear(shape, "head.patch", LinearKind::kLocal, shape.local_tokens, model.hidden, model.patch_channels),
      events));
  parts.push_back(vector_part(shape, "head.loss", VectorKind::kLoss, ComputeClass::kLoss,
                              real(shape.local_tokens) * real(model.patch_channels),
                              {.forward_read = 2, .backward_read = 1}));
}

// One stream out of several, or several out of one.
LayerPart streams_part(const RankShape& shape, const std::string& name, bool collapses) {
  const double n = real(shape.model.residual_streams), one = 1;
  return vector_part(shape, name, VectorKind::kElementwise, ComputeClass::kVector,
                     rows_by_hidden(shape, shape.local_tokens),
                     {.forward_read = collapses ? n : one,
                      .forward_written = collapses ? one : n,
                      .backward_read = collapses ? n + 1 : n,
                      .backward_written = collapses ? n : one});
}

}  // namespace

LayerParts embedding_parts(const RankShape& shape) {
  const ModelSpec& model = shape.model;
  LayerParts parts;
  if (model.kind == ModelKind::kDiffusion) {
    EventSource unused;  // a local product launches nothing
    parts.push_back(linear_part(shape,
                                end_linear(shape, "embedding.patch", LinearKind::kLocal, shape.local_tokens,
                                           model.patch_channels, model.hidden),
                                unused));
  } else {
    parts.push_back(lookup_part(shape));
  }
  if (model.embedding_norm)
    parts.push_back(norm_part(shape, "embedding.norm", rows_by_hidden(shape, shape.local_tokens)));
  if (model.residual_streams > 1) parts.push_back(streams_part(shape, "embedding.streams", false));
  return parts;
}

// The output projection stays in the activations' precision under low-precision recipes (arXiv 2412.19437, section
// 3.3.1; Transformer Engine recipes quantise the layers only).
LayerParts head_parts(const RankShape& shape, EventSource& events) {
  LayerParts parts;
  if (shape.model.residual_streams > 1) parts.push_back(streams_part(shape, "head.streams", true));
  parts.push_back(norm_part(shape, "head.norm", rows_by_hidden(shape, shape.local_tokens)));
  if (shape.model.kind == ModelKind::kDiffusion) {
    append_patch_output(shape, events, parts);
    return parts;
  }
  append_whole(shape, "head", parts);
  parts.push_back(linear_part(
      shape,
      end_linear(shape, "head.projection", LinearKind::kColumn, shape.tokens, shape.model.hidden, head_columns(shape)),
      events));
  parts.push_back(loss_part(shape));
  return parts;
}

LayerParts mtp_input_parts(const RankShape& shape, EventSource& events) {
  LayerParts parts = embedding_parts(shape);
  parts.push_back(norm_part(shape, "mtp.norms", 2 * rows_by_hidden(shape, shape.local_tokens)));
  append_whole(shape, "mtp", parts);
  Linear projection = end_linear(shape, "mtp.projection", LinearKind::kColumn, shape.tokens, 2 * shape.model.hidden,
                                 shape.model.hidden / shape.tensor);
  projection.precision = shape.plan.compute;
  parts.push_back(linear_part(shape, projection, events));
  parts.push_back(gather_part(shape, "mtp.projection.output_gather"));
  return parts;
}

}  // namespace supernode
