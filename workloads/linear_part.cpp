// A matrix product with its tensor-parallel collectives, as Megatron-LM runs it (arXiv 1909.08053 section 3, sequence
// parallelism: arXiv 2205.05198 section 4.2; order of the overlapped backward pass: Megatron-LM's
// LinearWithGradAccumulationAndAsyncCommunication), its 2D form as in MindSpeed (docs/features/tensor-parallel-2d.md),
// and low-rank adapters beside it (arXiv 2106.09685).

#include <algorithm>
#include <optional>

#include "base/numeric.hpp"
#include "workloads/layer_part.hpp"

namespace supernode {

namespace {

// What one side of the product needs: the collective of the forward pass, and that of its gradient.
struct Side {
  GroupKind group = GroupKind::kTensor;
  Bytes bytes{};
  std::optional<CollectiveOp> forward, backward;
};

class LinearBuilder {
 public:
  LinearBuilder(const RankShape& shape, const Linear& linear, EventSource& events);

  std::vector<Op> forward();
  std::vector<Op> backward();
  std::vector<Op> backward_input();
  std::vector<Op> backward_weight();

 private:
  void set_one_dimension();
  void set_two_dimensions();
  bool quantised() const { return bytes_per_element(linear_.precision) < shape_.element; }
  bool trains_matrix() const { return shape_.plan.lora.rank == 0; }
  bool has_adapter() const;
  Bytes buffer(std::int64_t columns) const { return real(linear_.rows) * real(columns) * shape_.element; }

  std::int64_t overlap_pieces() const;
  void cast(const std::string& what, std::int64_t columns);
  void gemm(const std::string& what, Pass pass, std::int64_t pieces = 1);
  void product(const std::string& what, Pass pass, std::int64_t out, std::int64_t in, std::int64_t rows);
  void adapter_forward();
  void adapter_input();
  void adapter_weight();
  int launch(const std::string& what, const Side& side, CollectiveOp op, std::int64_t pieces = 1);
  void wait(const std::string& what, int event);
  std::vector<int> start(const std::string& what, const Side& side, std::optional<CollectiveOp> op,
                         std::int64_t pieces);
  void in_pieces(const std::string& what, Pass pass, std::vector<int> arriving, const Side& leaves,
                 std::optional<CollectiveOp> reduction, std::int64_t pieces);
  void weight_products();
  void accumulate();

  const RankShape& shape_;
  const Linear& linear_;
  EventSource& events_;
  std::int64_t in_, out_;  // of the product
  Side input_, output_;
  std::vector<Op> ops_;
};

LinearBuilder::LinearBuilder(const RankShape& shape, const Linear& linear, EventSource& events)
    : shape_(shape), linear_(linear), events_(events), in_(linear.in), out_(linear.out) {
  if (linear.kind == LinearKind::kLocal || shape.tensor == 1) return;
  if (shape.plan.tensor_y > 1 && !linear.whole_input) {
    set_two_dimensions();
  } else {
    set_one_dimension();
  }
}

void LinearBuilder::set_one_dimension() {
  using enum CollectiveOp;
  const bool sharded = shape_.sequence_sharded && !linear_.whole_input;
  if (linear_.kind == LinearKind::kColumn) {
    input_.bytes = buffer(std::max(in_, linear_.gathered));
    if (sharded) input_.forward = kAllGather;
    input_.backward = sharded ? kReduceScatter : kAllReduce;
  } else {
    output_.bytes = buffer(out_);
    output_.forward = sharded ? kReduceScatter : kAllReduce;
    if (sharded) output_.backward = kAllGather;
  }
}

// Tokens T, x·y ranks. Column: [T/x, in/y] is gathered over x, times [in/y, out/x], reduced over y to [T/y, out/x].
// Row: [T/y, in/x] is gathered over y, times [in/x, out/y], reduced over x to [T/x, out/y].
void LinearBuilder::set_two_dimensions() {
  const std::int64_t y = shape_.plan.tensor_y;
  const bool column = linear_.kind == LinearKind::kColumn;
  in_ = column ? linear_.in / y : linear_.in * y;
  out_ = column ? linear_.out * y : linear_.out / y;
  input_ = {column ? GroupKind::kTensorX : GroupKind::kTensorY, buffer(in_), CollectiveOp::kAllGather,
            CollectiveOp::kReduceScatter};
  output_ = {column ? GroupKind::kTensorY : GroupKind::kTensorX, buffer(out_), CollectiveOp::kReduceScatter,
             CollectiveOp::kAllGather};
}

bool LinearBuilder::has_adapter() const {
  if (shape_.plan.lora.rank == 0 || linear_.lora == LoraTarget::kNone) return false;
  return linear_.lora == LoraTarget::kAttention || !shape_.plan.lora.attention_only;
}

// As many as asked for, or the next fewer that divide the rows.
std::int64_t LinearBuilder::overlap_pieces() const {
  if (!shape_.plan.overlap.tensor) return 1;
  std::int64_t pieces = std::clamp<std::int64_t>(shape_.plan.overlap.tensor_chunks, 1, linear_.rows);
  while (linear_.rows % pieces != 0) --pieces;
  return pieces;
}

// Quantising reads the tensor and writes it twice, once for each direction it is multiplied in.
void LinearBuilder::cast(const std::string& what, std::int64_t columns) {
  const double elements = real(linear_.groups) * real(linear_.rows) * real(columns);
  ops_.push_back(vector_op(linear_.name + what, ComputeClass::kVector, VectorKind::kCast, elements * shape_.element,
                           2.0 * elements * bytes_per_element(linear_.precision)));
}

// One of the three products of [rows, in] with [in, out].
void LinearBuilder::product(const std::string& what, Pass pass, std::int64_t out, std::int64_t in, std::int64_t rows) {
  GemmKernel kernel{.groups = linear_.groups, .precision = linear_.precision, .pass = pass};
  if (pass == Pass::kForward) kernel.m = rows, kernel.n = out, kernel.k = in;
  if (pass == Pass::kDgrad) kernel.m = rows, kernel.n = in, kernel.k = out;
  if (pass == Pass::kWgrad) kernel.m = out, kernel.n = in, kernel.k = rows;
  kernel.accumulate = pass == Pass::kWgrad && shape_.plan.fused.weight_gradient;
  const std::int64_t launches = shape_.plan.fused.experts ? 1 : kernel.groups;
  kernel.groups /= launches;
  for (std::int64_t i = 0; i < launches; ++i)
    ops_.push_back(compute_op(linear_.name + what, linear_.compute_class, kernel));
}

void LinearBuilder::gemm(const std::string& what, Pass pass, std::int64_t pieces) {
  product(what, pass, out_, in_, linear_.rows / pieces);
}

// X·A·B beside X·W: A is [in, rank], B [rank, out]. Behind a row-parallel W the partial sums are added before they are
// reduced, so that the adapter needs no collective of its own.
void LinearBuilder::adapter_forward() {
  if (!has_adapter()) return;
  const std::int64_t rank = shape_.plan.lora.rank;
  product(".lora_a", Pass::kForward, rank, in_, linear_.rows);
  product(".lora_b", Pass::kForward, out_, rank, linear_.rows);
}

void LinearBuilder::adapter_input() {
  if (!has_adapter()) return;
  const std::int64_t rank = shape_.plan.lora.rank;
  product(".lora_b.dgrad", Pass::kDgrad, out_, rank, linear_.rows);
  product(".lora_a.dgrad", Pass::kDgrad, rank, in_, linear_.rows);
}

void LinearBuilder::adapter_weight() {
  if (!has_adapter()) return;
  const std::int64_t rank = shape_.plan.lora.rank;
  product(".lora_b.wgrad", Pass::kWgrad, out_, rank, linear_.rows);
  product(".lora_a.wgrad", Pass::kWgrad, rank, in_, linear_.rows);
}

void LinearBuilder::weight_products() {
  if (trains_matrix()) {
    gemm(".wgrad", Pass::kWgrad);
    if (!shape_.plan.fused.weight_gradient) accumulate();
  }
  adapter_weight();
}

// The product's result, in the activations' precision, is added into the gradient buffer by a kernel of its own.
void LinearBuilder::accumulate() {
  const double elements = real(linear_.groups) * real(in_) * real(out_);
  const Bytes buffer = elements * bytes_per_element(shape_.plan.gradient);
  ops_.push_back(vector_op(linear_.name + ".wgrad.add", ComputeClass::kVector, VectorKind::kElementwise,
                           elements * shape_.element + buffer, buffer));
}

int LinearBuilder::launch(const std::string& what, const Side& side, CollectiveOp op, std::int64_t pieces) {
  const int event = events_.next();
  ops_.push_back(async_op(linear_.name + what, CommClass::kTensor, side.group,
                          {.op = op, .bytes = side.bytes / real(pieces)}, event));
  return event;
}

void LinearBuilder::wait(const std::string& what, int event) {
  ops_.push_back(wait_op(linear_.name + what, CommClass::kTensor, event));
}

// Runs the gather that a product needs, or launches it in pieces: the events of the pieces.
std::vector<int> LinearBuilder::start(const std::string& what, const Side& side, std::optional<CollectiveOp> op,
                                      std::int64_t pieces) {
  if (!op) return {};
  if (pieces == 1) {
    ops_.push_back(comm_op(linear_.name + what, CommClass::kTensor, side.group, {.op = *op, .bytes = side.bytes}));
    return {};
  }
  std::vector<int> events;
  for (std::int64_t i = 0; i < pieces; ++i) events.push_back(launch(what, side, *op, pieces));
  return events;
}

// The product in pieces: each waits for its own piece of the input only, and the reduction of its result runs under
// the pieces after it. With nothing arriving and nothing to reduce it is whole.
void LinearBuilder::in_pieces(const std::string& what, Pass pass, std::vector<int> arriving, const Side& leaves,
                              std::optional<CollectiveOp> reduction, std::int64_t pieces) {
  if (pieces == 1 || (arriving.empty() && !reduction)) {
    gemm(what, pass);
    if (reduction) start(what + ".reduce", leaves, reduction, 1);
    return;
  }
  std::vector<int> leaving;
  for (std::int64_t i = 0; i < pieces; ++i) {
    if (!arriving.empty()) wait(what + ".gather", arriving[static_cast<std::size_t>(i)]);
    gemm(what, pass, pieces);
    if (reduction) leaving.push_back(launch(what + ".reduce", leaves, *reduction, pieces));
  }
  for (int event : leaving) wait(what + ".reduce", event);
}

std::vector<Op> LinearBuilder::forward() {
  ops_.clear();
  if (quantised() && linear_.cast_input) cast(".cast", in_);
  const std::int64_t pieces = overlap_pieces();
  const std::vector<int> arriving = start(".gather", input_, input_.forward, pieces);
  if (arriving.empty()) adapter_forward();  // before the result is reduced
  in_pieces("", Pass::kForward, arriving, output_, output_.forward, pieces);
  if (!arriving.empty()) adapter_forward();  // when the input has arrived whole
  return std::move(ops_);
}

// The gradient of the output is gathered first; the kept shard of the input is gathered again under dgrad, and the
// gradient of the input is reduced under the weight gradient. A frozen matrix has nothing to hide the reduction under.
std::vector<Op> LinearBuilder::backward() {
  if (backward_weight().empty()) return backward_input();
  ops_.clear();
  if (quantised() && linear_.cast_gradient) cast(".grad_cast", out_);
  const std::int64_t pieces = overlap_pieces();
  const std::vector<int> arriving = start(".dgrad.gather", output_, output_.backward, pieces);
  Side kept = input_;
  kept.bytes = buffer(in_);
  const int gathered = input_.forward ? launch(".regather", kept, *input_.forward) : -1;
  in_pieces(".dgrad", Pass::kDgrad, arriving, input_, std::nullopt, pieces);
  adapter_input();
  if (input_.forward) wait(".regather", gathered);
  const int reduced = input_.backward ? launch(".dgrad.reduce", input_, *input_.backward) : -1;
  weight_products();
  if (input_.backward) wait(".dgrad.reduce", reduced);
  return std::move(ops_);
}

// As backward, but only its own later pieces hide the reduction of the input's gradient.
std::vector<Op> LinearBuilder::backward_input() {
  ops_.clear();
  if (quantised() && linear_.cast_gradient) cast(".grad_cast", out_);
  const std::int64_t pieces = overlap_pieces();
  const std::vector<int> arriving = start(".dgrad.gather", output_, output_.backward, pieces);
  if (arriving.empty()) adapter_input();
  in_pieces(".dgrad", Pass::kDgrad, arriving, input_, input_.backward, pieces);
  if (!arriving.empty()) adapter_input();
  return std::move(ops_);
}

// The sharded input is gathered again; the whole gradient of a gathered output is kept from the other half.
std::vector<Op> LinearBuilder::backward_weight() {
  ops_.clear();
  if (!trains_matrix() && !has_adapter()) return {};
  Side kept = input_;
  kept.bytes = buffer(in_);
  start(".regather", kept, input_.forward, 1);
  weight_products();
  return std::move(ops_);
}

}  // namespace

LayerPart linear_part(const RankShape& shape, const Linear& linear, EventSource& events) {
  LinearBuilder builder(shape, linear, events);
  LayerPart part;
  part.forward = builder.forward();
  part.backward = builder.backward();
  part.weight = builder.backward_weight();
  if (!part.weight.empty()) part.input = builder.backward_input();
  return part;
}

}  // namespace supernode
