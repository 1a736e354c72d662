#include "workloads/layer_part.hpp"

#include "workloads/unfused_traffic.hpp"

#include <cassert>

#include "base/numeric.hpp"

namespace supernode {

namespace {

bool is_low_precision(Precision p) { return bytes_per_element(p) < bytes_per_element(Precision::kBf16); }

// Precision of everything that is no matrix product.
Precision activation_precision(Precision compute) {
  if (is_low_precision(compute)) return Precision::kBf16;
  return compute == Precision::kTf32 ? Precision::kFp32 : compute;
}

Op op_of(Op::Kind kind, std::string name) {
  Op op;
  op.kind = kind;
  op.name = std::move(name);
  return op;
}

void append(std::vector<Op>& to, const std::vector<Op>& ops) { to.insert(to.end(), ops.begin(), ops.end()); }

// Hyper-connections of n streams: n·(n+2) mixing coefficients a token from all streams (a product of 16 bit operands
// into fp32), then the branch's input (n streams read, one written) and the new streams (n and the branch's output
// read, n written). Backward reads and writes both again with their gradients.
LayerPart mixed_residual(const RankShape& shape, const std::string& name) {
  const std::int64_t n = shape.model.residual_streams;
  EventSource unused;  // a local product launches nothing
  LayerPart part = linear_part(shape,
                               {.name = name + ".coefficients",
                                .rows = shape.local_tokens,
                                .in = n * shape.model.hidden,
                                .out = n * (n + 2),
                                .precision = shape.activation,
                                .lora = LoraTarget::kNone},
                               unused);
  const double elements = real(shape.local_tokens) * real(shape.model.hidden), streams = real(n);
  const LayerPart mix = vector_part(shape, name, VectorKind::kElementwise, ComputeClass::kVector, elements,
                                    {.forward_read = 2 * streams + 1,
                                     .forward_written = streams + 1,
                                     .backward_read = 3 * streams + 2,
                                     .backward_written = streams + 1});
  append(part.forward, mix.forward);
  for (auto* ops : {&part.backward, &part.input}) ops->insert(ops->begin(), mix.backward.begin(), mix.backward.end());
  return part;
}

}  // namespace

RankShape::RankShape(const ModelSpec& m, const PlanSpec& p)
    : model(m),
      plan(p),
      tensor(p.tensor_parallel),
      sequence_sharded((p.sequence_parallel || p.tensor_y > 1) && p.tensor_parallel > 1),
      tokens(p.micro_batch * p.local_sequence()),
      local_tokens(sequence_sharded ? tokens / p.tensor_parallel : tokens),
      activation(activation_precision(p.compute)),
      element(bytes_per_element(activation)),
      quantised(is_low_precision(p.compute)) {
  assert(!sequence_sharded || tokens % tensor == 0);
}

Op compute_op(std::string name, ComputeClass compute_class, const Kernel& kernel) {
  Op op = op_of(Op::Kind::kCompute, std::move(name));
  op.compute_class = compute_class;
  op.kernel = kernel;
  return op;
}

Op vector_op(std::string name, ComputeClass compute_class, VectorKind kind, Bytes read, Bytes written) {
  return compute_op(std::move(name), compute_class, VectorKernel{.kind = kind, .read = read, .written = written});
}

Op comm_op(std::string name, CommClass comm_class, GroupKind group, const CollectiveCall& call) {
  Op op = op_of(Op::Kind::kComm, std::move(name));
  op.comm_class = comm_class;
  op.group = group;
  op.call = call;
  return op;
}

Op async_op(std::string name, CommClass comm_class, GroupKind group, const CollectiveCall& call, int event) {
  Op op = comm_op(std::move(name), comm_class, group, call);
  op.kind = Op::Kind::kCommAsync;
  op.event = event;
  return op;
}

Op wait_op(std::string name, CommClass comm_class, int event) {
  Op op = op_of(Op::Kind::kWait, std::move(name));
  op.comm_class = comm_class;
  op.event = event;
  return op;
}

LayerPart vector_part(const RankShape& shape, const std::string& name, VectorKind kind, ComputeClass compute_class,
                      double elements, const VectorTraffic& traffic, std::optional<RecomputeModule> module) {
  const Bytes tensor = elements * shape.element;
  LayerPart part;
  part.module = module;
  const auto spread = [&](const std::string& what, double read, double written, int kernels) {
    return std::vector<Op>(static_cast<std::size_t>(kernels),
                           vector_op(what, compute_class, kind, read / kernels * tensor, written / kernels * tensor));
  };
  part.forward = spread(name, traffic.forward_read, traffic.forward_written, traffic.forward_kernels);
  part.backward =
      spread(name + ".backward", traffic.backward_read, traffic.backward_written, traffic.backward_kernels);
  return part;
}

LayerPart local_norm_part(const RankShape& shape, const std::string& name, double elements) {
  return vector_part(shape, name, VectorKind::kNorm, ComputeClass::kVector, elements,
                     shape.plan.fused.norm ? VectorTraffic{} : kUnfusedNorm, RecomputeModule::kNorm);
}

// Of each row its sum of squares (and its sum, when the norm subtracts the mean); two sums backward alike.
LayerPart norm_part(const RankShape& shape, const std::string& name, double elements) {
  LayerPart part = local_norm_part(shape, name, elements);
  if (shape.plan.tensor_y == 1) return part;
  const double rows = elements * real(shape.plan.tensor_y) / real(shape.model.hidden);
  const double sums = shape.model.norm_bias ? 2 : 1;
  const CollectiveCall call{.op = CollectiveOp::kAllReduce, .bytes = rows * sums * bytes_per_element(Precision::kFp32)};
  part.forward.push_back(comm_op(name + ".reduce", CommClass::kTensor, GroupKind::kTensorY, call));
  part.backward.insert(part.backward.begin(),
                       comm_op(name + ".backward.reduce", CommClass::kTensor, GroupKind::kTensorY, call));
  return part;
}

LayerPart residual_part(const RankShape& shape, const std::string& name) {
  if (shape.model.residual_streams > 1) return mixed_residual(shape, name);
  const double elements = real(shape.local_tokens) * real(shape.model.hidden);
  VectorTraffic traffic{.forward_read = 2, .forward_written = 1, .backward_read = 2, .backward_written = 1};
  if (shape.plan.dropout) {  // of the branch, with the sum in one kernel; its backward pass is a kernel of its own
    traffic.forward_written += kDropoutMask;
    traffic.backward_read += 1 + kDropoutMask;
    traffic.backward_written += 1;
    traffic.backward_kernels = 2;
  }
  return vector_part(shape, name, VectorKind::kElementwise, ComputeClass::kVector, elements, traffic);
}

}  // namespace supernode
