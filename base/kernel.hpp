#pragma once
// The shapes of compute operations: the vocabulary that step programs and kernel cost models share.

#include <compare>
#include <cstdint>
#include <string_view>
#include <variant>

#include "base/precision.hpp"
#include "base/quantity.hpp"

namespace supernode {

enum class Pass { kForward, kDgrad, kWgrad };

// C[m,n] = A[m,k] B[k,n], `groups` times with its own B each (grouped GEMM of MoE experts; m is the rows of one group).
// 2·m·n·k·groups FLOPs. The output is bf16; a wgrad with accumulate adds into an fp32 gradient (read + write).
struct GemmKernel {
  std::int64_t m = 0, n = 0, k = 0;
  std::int64_t groups = 1;
  Precision precision = Precision::kBf16;  // of the operands
  Pass pass = Pass::kForward;
  bool accumulate = false;
  auto operator<=>(const GemmKernel&) const = default;
};

// Whose kernel: one made for the chip (FlashAttention-3 on Hopper, cuDNN), FlashAttention-2 (arXiv 2307.08691), or
// Triton's, both of which run on any but do without the matrix instructions of chips later than A100.
enum class AttentionLibrary { kNative, kFlash2, kTriton };
std::string_view to_string(AttentionLibrary library);  // "native", "fa2", "triton"

// Scaled dot-product attention, flash style (scores never reach memory). head_dim is that of q and k, head_dim_v of v
// (they differ for MLA). Forward FLOPs: 2·batch·heads·seq_q·seq_kv·(head_dim + head_dim_v), halved when causal;
// backward 2.5 times that (five matrix products for two; FlashAttention-2, arXiv 2307.08691, section 2.3).
struct AttentionKernel {
  std::int64_t batch = 0, heads = 0, kv_heads = 0, seq_q = 0, seq_kv = 0;
  std::int64_t head_dim = 0, head_dim_v = 0;
  bool causal = true;
  bool backward = false;
  Precision precision = Precision::kBf16;
  AttentionLibrary library = AttentionLibrary::kNative;
  auto operator<=>(const AttentionKernel&) const = default;
};

enum class VectorKind { kNorm, kElementwise, kRope, kSoftmax, kPermute, kRouter, kEmbedding, kLoss, kOptimizer, kCast };
std::string_view to_string(VectorKind kind);

// Memory-bound work: so many bytes read and written in all.
struct VectorKernel {
  VectorKind kind = VectorKind::kElementwise;
  Bytes read{};
  Bytes written{};
  Flops flops{};
  auto operator<=>(const VectorKernel&) const = default;
};

using Kernel = std::variant<GemmKernel, AttentionKernel, VectorKernel>;

// Floating-point operations performed.
Flops flops(const Kernel& kernel);

// Compulsory memory traffic: every operand read once, every result written once.
Bytes traffic(const Kernel& kernel);

// The format in which the kernel's arithmetic runs (fp32 for vector work).
Precision arithmetic(const Kernel& kernel);

}  // namespace supernode
