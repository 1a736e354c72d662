#include "base/kernel.hpp"

#include "base/numeric.hpp"

namespace supernode {
namespace {

Flops flops_of(const GemmKernel& g) { return Flops(2.0 * real(g.m) * real(g.n) * real(g.k) * real(g.groups)); }

Flops flops_of(const AttentionKernel& a) {
  const double square = real(a.seq_q) * real(a.seq_kv) * (a.causal ? 0.5 : 1.0);
  const double forward = 2.0 * real(a.batch) * real(a.heads) * square * real(a.head_dim + a.head_dim_v);
  return Flops(a.backward ? 2.5 * forward : forward);
}

Bytes traffic_of(const GemmKernel& g) {
  const double m = real(g.m), n = real(g.n), k = real(g.k);
  const Bytes operands = (m * k + k * n) * bytes_per_element(g.precision);
  const Bytes result =
      g.accumulate ? 2.0 * m * n * bytes_per_element(Precision::kFp32) : m * n * bytes_per_element(Precision::kBf16);
  return real(g.groups) * (operands + result);
}

Bytes traffic_of(const AttentionKernel& a) {
  const double q_rows = real(a.batch) * real(a.heads) * real(a.seq_q);
  const double kv_rows = real(a.batch) * real(a.kv_heads) * real(a.seq_kv);
  // One key/value head whose values are narrower than its keys is MLA's latent: the values are the keys' first columns.
  const bool latent = a.kv_heads == 1 && a.heads > 1 && a.head_dim_v < a.head_dim;
  const double kv_width = latent ? real(a.head_dim) : real(a.head_dim + a.head_dim_v);
  const double elements = q_rows * real(a.head_dim + a.head_dim_v) + kv_rows * kv_width;
  // Backward reads q, k, v, o, do and writes dq, dk, dv: twice the forward's traffic.
  return (a.backward ? 2.0 : 1.0) * elements * bytes_per_element(a.precision);
}

Flops flops_of(const VectorKernel& v) { return v.flops; }
Bytes traffic_of(const VectorKernel& v) { return v.read + v.written; }

Precision arithmetic_of(const GemmKernel& g) { return g.precision; }
Precision arithmetic_of(const AttentionKernel& a) { return a.precision; }
Precision arithmetic_of(const VectorKernel&) { return Precision::kFp32; }

}  // namespace

std::string_view to_string(AttentionLibrary library) {
  switch (library) {
    case AttentionLibrary::kNative:
      return "native";
    case AttentionLibrary::kFlash2:
      return "fa2";
    case AttentionLibrary::kTriton:
      return "triton";
  }
  return "?";
}

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
