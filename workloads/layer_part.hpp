#pragma once
// The building blocks of a layer. A part is one step of the forward pass together with what it costs in the backward
// pass; a layer is a list of parts, run forward in order and backward in reverse (layer_program.hpp).

#include <optional>
#include <string>
#include <vector>

#include "workloads/step_program.hpp"

namespace supernode {

// Hands out the event numbers of asynchronous operations; one source serves a whole step program.
class EventSource {
 public:
  int next() { return next_++; }

 private:
  int next_ = 0;
};

// `backward` is the whole backward pass of the part, in the order a fused implementation runs it. Where the part has
// weights, `weight` are the operations of their gradient alone and `input` those of the gradient of the input (a split
// backward pass runs `input` first and `weight` whenever it likes); a part without weights leaves both empty.
struct LayerPart {
  std::vector<Op> forward, backward;
  std::vector<Op> input, weight;
  std::optional<RecomputeModule> module;  // what selective recomputation knows it by; nothing: never made again
  std::vector<RecomputeModule> within;    // larger modules it is part of, made again as a whole: kMlp, kMoe, …
};

// What one rank sees of a micro-batch.
struct RankShape {
  RankShape(const ModelSpec& model, const PlanSpec& plan);

  const ModelSpec& model;
  const PlanSpec& plan;
  std::int64_t tensor;        // TP
  bool sequence_sharded;      // sequence parallelism is in force
  std::int64_t tokens;        // of the micro-batch on one context-parallel rank: rows of the TP matrix products
  std::int64_t local_tokens;  // rows of everything else: tokens / TP when the sequence is sharded
  Precision activation;       // of activations outside the matrix products; low-precision recipes keep them in bf16
  Bytes element;              // bytes_per_element(activation)
  bool quantised;             // matrix products run on 8 or 4 bit operands
};

// Operations.
Op compute_op(std::string name, ComputeClass compute_class, const Kernel& kernel);
// Memory-bound work over so many bytes. Its FLOPs are not counted (no MFU convention counts them).
Op vector_op(std::string name, ComputeClass compute_class, VectorKind kind, Bytes read, Bytes written);
Op comm_op(std::string name, CommClass comm_class, GroupKind group, const CollectiveCall& call);
Op async_op(std::string name, CommClass comm_class, GroupKind group, const CollectiveCall& call, int event);
Op wait_op(std::string name, CommClass comm_class, int event);

// How a matrix is spread over the tensor-parallel ranks: not at all, by output columns (its input is whole, gathered
// when the sequence is sharded) or by input rows (its output is a partial sum that must be reduced). Under 2D tensor
// parallelism both sides are split, and a column's output and a row's input are exchanged too.
enum class LinearKind { kLocal, kColumn, kRow };

// Which matrices low-rank adapters stand beside (LoraSpec); without one a matrix is frozen and has no weight gradient.
enum class LoraTarget { kNone, kAttention, kMatrix };

struct Linear {
  std::string name;
  LinearKind kind = LinearKind::kLocal;
  ComputeClass compute_class = ComputeClass::kDenseGemm;
  std::int64_t rows = 0, in = 0, out = 0;  // of this rank's product
  std::int64_t groups = 1;
  std::int64_t gathered = 0;  // columns gathered with the input when they are more than `in`
  Precision precision = Precision::kBf16;
  bool cast_input = true;  // false: the input arrives quantised; so for the gradient of the output
  bool cast_gradient = true;
  LoraTarget lora = LoraTarget::kMatrix;
  bool whole_input =
      false;  // the input is whole on each tensor-parallel rank whatever the plan; its gradient is summed
};

// Y = X·W with its collectives. Backward: dX = dY·Wᵀ (dgrad), then dW += Xᵀ·dY (wgrad); see
// docs/models/step_program.md.
LayerPart linear_part(const RankShape& shape, const Linear& linear, EventSource& events);

// Memory-bound step over `elements` activations per tensor: tensors read and written forward and backward,
// and the kernels that this traffic is spread over.
struct VectorTraffic {
  double forward_read = 1, forward_written = 1, backward_read = 2, backward_written = 1;
  int forward_kernels = 1, backward_kernels = 1;
};
LayerPart vector_part(const RankShape& shape, const std::string& name, VectorKind kind, ComputeClass compute_class,
                      double elements, const VectorTraffic& traffic,
                      std::optional<RecomputeModule> module = std::nullopt);

// Normalisation over the hidden size; backward reads the input and the gradient of the output. Under 2D tensor
// parallelism a rank has a part of each row, so the sums of a row are reduced over kTensorY.
LayerPart norm_part(const RankShape& shape, const std::string& name, double elements);
// Normalisation of rows that a rank has whole: heads, latents.
LayerPart local_norm_part(const RankShape& shape, const std::string& name, double elements);
// x + f(x): backward adds the branch's gradient to the trunk's; dropout of the branch, where the plan has it. With several residual streams the branch's input is
// mixed from them and its output spread over them (manifold-constrained hyper-connections;
// docs/models/step_program.md).
LayerPart residual_part(const RankShape& shape, const std::string& name);

}  // namespace supernode
