#pragma once
// Parameters of one transformer layer by part, and of the model's two ends: what parameter counts, FLOPs and memory all
// start from. "Matrices" take part in matrix products (2 FLOPs a parameter and token); biases and norms do not.

#include "workloads/model_spec.hpp"

namespace supernode {

// How parameters lie over the tensor-parallel ranks: split, or on each rank alike.
struct SplitParameters {
  double sharded = 0, replicated = 0;
  double total() const { return sharded + replicated; }
};

// Weights of the projections of one attention block, without biases and norms. Replicated are MLA's down-projections
// (Megatron-Core multi_latent_attention.py: parallel_mode "duplicated"), the single key-value head and the compressors
// of compressed attention, and the indexer (each rank needs the same choice of keys).
using AttentionMatrices = SplitParameters;
AttentionMatrices attention_matrices(const ModelSpec& model, const LayerForm& form);

// Weights of an MLP `width` wide: three matrices when gated, else two.
double mlp_matrices(const ModelSpec& model, std::int64_t width);

// Biases, split as the matrix they belong to: those of column-parallel matrices are sharded by TP, those of
// row-parallel ones (output projections) are replicated. One attention block's hold what else lies by heads: attention
// sinks, and of a state-space layer convolution, decay, step size, skip and gated norm.
using Biases = SplitParameters;
Biases attention_biases(const ModelSpec& model);
Biases mlp_biases(const ModelSpec& model, std::int64_t width);

// One norm over `width` values: a weight, and a bias if the model's norms have one. None in a diffusion transformer,
// whose norms take scale and shift from the timestep.
double norm_parameters(const ModelSpec& model, std::int64_t width);

// All of one layer that is small and lies on every rank: norms over the hidden size, of q and k, of latents and of
// compressed keys with their position biases; the mixers of hyper-connections; the modulation of adaptive norms.
double layer_norms(const ModelSpec& model, const LayerForm& form);

// The mixers of hyper-connections in one layer, one for attention and one for the MLP: each maps all streams to the
// weights of reading, writing and mixing them (DeepSeek-V4 reference code, hc_pre: (2+n)·n rows). 0 with one stream.
double stream_matrices(const ModelSpec& model);

// The matrix that turns the conditioning vector into a diffusion layer's shifts, scales and gates. Once a sequence.
double modulation_matrix(const ModelSpec& model);

// An MTP module beyond its transformer layer: the 2·hidden → hidden projection, and the norms of both inputs and of
// the module's output (DeepSeek-V3, arXiv 2412.19437, section 2.2).
double mtp_projection(const ModelSpec& model);
double mtp_norms(const ModelSpec& model);

// The router of a MoE layer: scores for real and zero-computation experts, and the gate of the shared branch.
double router_matrix(const ModelSpec& model, const LayerForm& form);

// Dense MLPs of a layer: 1; of a MoE layer 0, or 2 when it is shortcut-connected; 0 for a layer that only mixes tokens.
std::int64_t dense_mlps(const ModelSpec& model, const LayerForm& form);
// Attention blocks of a layer: 1, or 2 when it is shortcut-connected.
std::int64_t attention_blocks(const ModelSpec& model);
inline std::int64_t attention_blocks(const ModelSpec& model, const LayerForm&) { return attention_blocks(model); }

// The layer inside an MTP module is as the model's last one; of compressed attention it sees the window only
// (DeepSeek-V4's compress_ratios end in 0).
LayerForm mtp_form(const ModelSpec& model);

// What stands before the first layer: the vocabulary's table and n-gram tables; learned positions, a norm; of a
// diffusion model the patch embedding and the conditioning networks.
SplitParameters embedding_parameters(const ModelSpec& model);
// What stands behind the last: the output projection (0 when tied), the final norm, the collapse of several streams.
SplitParameters head_parameters(const ModelSpec& model);

}  // namespace supernode
