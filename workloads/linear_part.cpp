// A matrix product with its tensor-parallel collectives, as Megatron-LM runs it (arXiv 1909.08053 section 3, sequence
// parallelism: arXiv 2205.05198 section 4.2; order of the overlapped backward pass: Megatron-LM's
// LinearWithGradAccumulationAndAsyncCommunication).

#include <algorithm>

#include "base/numeric.hpp"
#include "workloads/layer_part.hpp"

namespace supernode {

namespace {

class LinearBuilder {
 public:
  LinearBuilder(const RankShape& shape, const Linear& linear, EventSource& events)
      : shape_(shape), linear_(linear), events_(events) {}

  std::vector<Op> forward();
  std::vector<Op> backward();

 private:
  bool column() const { return linear_.kind == LinearKind::kColumn && shape_.tensor > 1; }
  bool row() const { return linear_.kind == LinearKind::kRow && shape_.tensor > 1; }
  bool quantised() const { return bytes_per_element(linear_.precision) < shape_.element; }

  Bytes buffer(std::int64_t columns) const { return real(linear_.rows) * real(columns) * shape_.element; }
  Bytes input() const { return buffer(std::max(linear_.in, linear_.gathered)); }
  Bytes output() const { return buffer(linear_.out); }

  // Pieces that a product and its collective are cut into to overlap: at most 4, as many as divide the rows.
  std::int64_t overlap_pieces() const;
  void cast(const std::string& what, std::int64_t columns);
  void gemm(const std::string& what, Pass pass, std::int64_t pieces = 1);
  void comm(const std::string& what, CollectiveOp op, Bytes bytes);
  int launch(const std::string& what, CollectiveOp op, Bytes bytes);
  void wait(const std::string& what, int event);
  void gather_then_gemm(const std::string& what, Bytes bytes, Pass pass);
  void gemm_then_reduce();
  CollectiveOp reduction() const {
    return shape_.sequence_sharded ? CollectiveOp::kReduceScatter : CollectiveOp::kAllReduce;
  }

  const RankShape& shape_;
  const Linear& linear_;
  EventSource& events_;
  std::vector<Op> ops_;
};

std::int64_t LinearBuilder::overlap_pieces() const {
  if (!shape_.plan.overlap.tensor) return 1;
  std::int64_t pieces = std::min<std::int64_t>(4, shape_.tensor);
  while (linear_.rows % pieces != 0) --pieces;
  return pieces;
}

// Quantising reads the tensor and writes it twice, once for each direction it is multiplied in.
void LinearBuilder::cast(const std::string& what, std::int64_t columns) {
  const double elements = real(linear_.groups) * real(linear_.rows) * real(columns);
  ops_.push_back(vector_op(linear_.name + what, ComputeClass::kVector, VectorKind::kCast, elements * shape_.element,
                           2.0 * elements * bytes_per_element(linear_.precision)));
}

void LinearBuilder::gemm(const std::string& what, Pass pass, std::int64_t pieces) {
  GemmKernel kernel{.groups = linear_.groups, .precision = linear_.precision, .pass = pass};
  const std::int64_t rows = linear_.rows / pieces;
  if (pass == Pass::kForward) kernel.m = rows, kernel.n = linear_.out, kernel.k = linear_.in;
  if (pass == Pass::kDgrad) kernel.m = rows, kernel.n = linear_.in, kernel.k = linear_.out;
  if (pass == Pass::kWgrad) kernel.m = linear_.out, kernel.n = linear_.in, kernel.k = rows;
  kernel.accumulate = pass == Pass::kWgrad;
  ops_.push_back(compute_op(linear_.name + what, linear_.compute_class, kernel));
}

void LinearBuilder::comm(const std::string& what, CollectiveOp op, Bytes bytes) {
  ops_.push_back(comm_op(linear_.name + what, CommClass::kTensor, GroupKind::kTensor, {.op = op, .bytes = bytes}));
}

int LinearBuilder::launch(const std::string& what, CollectiveOp op, Bytes bytes) {
  const int event = events_.next();
  ops_.push_back(
      async_op(linear_.name + what, CommClass::kTensor, GroupKind::kTensor, {.op = op, .bytes = bytes}, event));
  return event;
}

void LinearBuilder::wait(const std::string& what, int event) {
  ops_.push_back(wait_op(linear_.name + what, CommClass::kTensor, event));
}

// The gather of a sharded tensor and the product that needs it. In pieces, each product waits for its own piece only.
void LinearBuilder::gather_then_gemm(const std::string& what, Bytes bytes, Pass pass) {
  const std::int64_t pieces = overlap_pieces();
  if (pieces == 1) {
    comm(what + ".gather", CollectiveOp::kAllGather, bytes);
    gemm(what, pass);
    return;
  }
  std::vector<int> events;
  for (std::int64_t i = 0; i < pieces; ++i) {
    events.push_back(launch(what + ".gather", CollectiveOp::kAllGather, bytes / real(pieces)));
  }
  for (int event : events) {
    wait(what + ".gather", event);
    gemm(what, pass, pieces);
  }
}

// The product of partial sums and their reduction. In pieces, each reduction runs under the products after it.
void LinearBuilder::gemm_then_reduce() {
  const std::int64_t pieces = overlap_pieces();
  if (pieces == 1) {
    gemm("", Pass::kForward);
    comm(".reduce", reduction(), output());
    return;
  }
  std::vector<int> events;
  for (std::int64_t i = 0; i < pieces; ++i) {
    gemm("", Pass::kForward, pieces);
    events.push_back(launch(".reduce", reduction(), output() / real(pieces)));
  }
  for (int event : events) wait(".reduce", event);
}

std::vector<Op> LinearBuilder::forward() {
  ops_.clear();
  const bool gathers = column() && shape_.sequence_sharded;
  if (quantised() && linear_.cast_input) cast(".cast", linear_.in);
  if (gathers) {
    gather_then_gemm("", input(), Pass::kForward);
  } else if (row()) {
    gemm_then_reduce();
  } else {
    gemm("", Pass::kForward);
  }
  return std::move(ops_);
}

// Column: the input is gathered again under dgrad (it was kept sharded), and the gradient of the input is reduced under
// wgrad. Row: the gradient of the output is gathered first.
std::vector<Op> LinearBuilder::backward() {
  ops_.clear();
  const bool regathers = column() && shape_.sequence_sharded;
  if (quantised() && linear_.cast_gradient) cast(".grad_cast", linear_.out);
  const int gathered = regathers ? launch(".regather", CollectiveOp::kAllGather, buffer(linear_.in)) : -1;
  if (row() && shape_.sequence_sharded) {
    gather_then_gemm(".dgrad", output(), Pass::kDgrad);
  } else {
    gemm(".dgrad", Pass::kDgrad);
  }
  if (regathers) wait(".regather", gathered);
  const int reduced = column() ? launch(".dgrad.reduce", reduction(), input()) : -1;
  gemm(".wgrad", Pass::kWgrad);
  if (column()) wait(".dgrad.reduce", reduced);
  return std::move(ops_);
}

}  // namespace

LayerPart linear_part(const RankShape& shape, const Linear& linear, EventSource& events) {
  LinearBuilder builder(shape, linear, events);
  LayerPart part;
  part.forward = builder.forward();
  part.backward = builder.backward();
  return part;
}

}  // namespace supernode
