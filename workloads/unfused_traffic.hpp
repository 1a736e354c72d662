#pragma once
// Memory traffic of chains of small operations that a stack without fused kernels runs one by one, counted operation by
// operation for eager PyTorch in bf16 (Hugging Face transformers, modeling_llama.py). One unit is one bf16 tensor; an
// fp32 tensor counts two.

#include "workloads/layer_part.hpp"

namespace supernode {

// LlamaRMSNorm: to fp32 (reads 1, writes 2), square (2, 2), mean (2, –), epsilon and root of a value a row, product
// (2, 2), to bf16 (2, 1), weight (1, 1): 10 read, 8 written. Backward: weight's product and its gradient with its sum
// over rows (4, 2), to fp32 (1, 2), both sides of the product with the sum over a row (8, 4), square (2, 2), sum of the
// two paths (4, 2), to bf16 (2, 1).
inline constexpr VectorTraffic kUnfusedNorm{.forward_read = 10,
                                            .forward_written = 8,
                                            .backward_read = 21,
                                            .backward_written = 13,
                                            .forward_kernels = 8,
                                            .backward_kernels = 10};

// apply_rotary_pos_emb: product with the cosine (1, 1), negation of a half and concatenation (1.5, 1.5), product with
// the sine (1, 1), sum (2, 1); backward the same in reverse.
inline constexpr VectorTraffic kUnfusedRope{.forward_read = 5.5,
                                            .forward_written = 4.5,
                                            .backward_read = 5.5,
                                            .backward_written = 4.5,
                                            .forward_kernels = 5,
                                            .backward_kernels = 5};

// SwiGLU: activation (1, 1), product (2, 1). Backward: both sides of the product (4, 2), activation (2, 1),
// concatenation of the two gradients (2, 2).
inline constexpr VectorTraffic kUnfusedGatedActivation{.forward_read = 3,
                                                       .forward_written = 2,
                                                       .backward_read = 8,
                                                       .backward_written = 5,
                                                       .forward_kernels = 2,
                                                       .backward_kernels = 4};

// Vocabulary-parallel cross entropy of Megatron-LM and nanotron on an fp32 copy of the logits, a pass for each
// operation: to fp32 (reads 1, writes 2), largest (2, –), difference (2, 2), exponential (2, 2), sum (2, –), quotient
// (2, 2). Backward: product with the incoming gradient (2, 2), to bf16 (2, 1).
inline constexpr VectorTraffic kUnfusedLoss{.forward_read = 11,
                                            .forward_written = 8,
                                            .backward_read = 4,
                                            .backward_written = 3,
                                            .forward_kernels = 6,
                                            .backward_kernels = 2};

// Dropout writes a mask of a byte an element; its backward pass reads it beside the gradient.
inline constexpr double kDropoutMask = 0.5;

// Kernels of a MoE layer's routing that work on [tokens, experts] maps or on counts of tokens, eager (Megatron-Core
// core_r0.8.0, megatron/core/transformer/moe: router.py, moe_utils.py, token_dispatcher.py). Choice: gate function,
// top-k, normalisation (2), map of probabilities and of choices (2 each), auxiliary loss (8); counts for the exchange:
// sums and reshaped sums (4), gather's copy, slice, three copies to the host. Permutation: transposed map, positions
// expanded and selected, probabilities selected, beside the move of the rows; unpermutation: probabilities selected,
// product with the rows' type, zeros. Backward there is no map to make: the probabilities' path and the auxiliary loss,
// and zeros for the rows' gradients.
struct RoutingKernels {
  int forward, backward;
};
inline constexpr RoutingKernels kUnfusedChoice{25, 14};
inline constexpr RoutingKernels kUnfusedPermutation{6, 3};
inline constexpr RoutingKernels kUnfusedUnpermutation{4, 5};

}  // namespace supernode
