#include "base/kernel.hpp"

namespace supernode {
namespace {

double as_double(std::int64_t i) { return static_cast<double>(i); }

Flops flops_of(const GemmKernel& g) {
  return Flops(2.0 * as_double(g.m) * as_double(g.n) * as_double(g.k) * as_double(g.groups));
}

Flops flops_of(const AttentionKernel& a) {
  const double square = as_double(a.seq_q) * as_double(a.seq_kv) * (a.causal ? 0.5 : 1.0);
  const double forward = 2.0 * as_double(a.batch) * as_double(a.heads) * square * as_double(a.head_dim + a.head_dim_v);
  return Flops(a.backward ? 2.5 * forward : forward);
}

Bytes traffic_of(const GemmKernel& g) {
  const double m = as_double(g.m), n = as_double(g.n), k = as_double(g.k);
  const Bytes operands = (m * k + k * n) * bytes_per_element(g.precision);
  const Bytes result =
      g.accumulate ? 2.0 * m * n * bytes_per_element(Precision::kFp32) : m * n * bytes_per_element(Precision::kBf16);
  return as_double(g.groups) * (operands + result);
}

Bytes traffic_of(const AttentionKernel& a) {
  const double q_rows = as_double(a.batch) * as_double(a.heads) * as_double(a.seq_q);
  const double kv_rows = as_double(a.batch) * as_double(a.kv_heads) * as_double(a.seq_kv);
  const double elements =
      q_rows * as_double(a.head_dim + a.head_dim_v) + kv_rows * as_double(a.head_dim + a.head_dim_v);
  // Backward reads q, k, v, o, do and writes dq, dk, dv: twice the forward's traffic.
  return (a.backward ? 2.0 : 1.0) * elements * bytes_per_element(a.precision);
}

Flops flops_of(const VectorKernel& v) { return v.flops; }
Bytes traffic_of(const VectorKernel& v) { return v.read + v.written; }

Precision arithmetic_of(const GemmKernel& g) { return g.precision; }
Precision arithmetic_of(const AttentionKernel& a) { return a.precision; }
Precision arithmetic_of(const VectorKernel&) { return Precision::kFp32; }

}  // namespace

std::string_view to_string(VectorKind kind) {
  switch (kind) {
    case VectorKind::kNorm:
      return "norm";
    case VectorKind::kElementwise:
      return "elementwise";
    case VectorKind::kRope:
      return "rope";
    case VectorKind::kSoftmax:
      return "softmax";
    case VectorKind::kPermute:
      return "permute";
    case VectorKind::kRouter:
      return "router";
    case VectorKind::kEmbedding:
      return "embedding";
    case VectorKind::kLoss:
      return "loss";
    case VectorKind::kOptimizer:
      return "optimizer";
    case VectorKind::kCast:
      return "cast";
  }
  return "?";
}

Flops flops(const Kernel& kernel) {
  return std::visit([](const auto& k) { return flops_of(k); }, kernel);
}

Bytes traffic(const Kernel& kernel) {
  return std::visit([](const auto& k) { return traffic_of(k); }, kernel);
}

Precision arithmetic(const Kernel& kernel) {
  return std::visit([](const auto& k) { return arithmetic_of(k); }, kernel);
}

}  // namespace supernode
