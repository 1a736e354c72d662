#pragma once
// Parameters of one transformer layer by part: what parameter counts, FLOPs and memory all start from.
// "Matrices" take part in matrix products (2 FLOPs a parameter and token); biases and norms do not.

#include "workloads/model_spec.hpp"

namespace supernode {

// Weights of the attention projections, without biases and norms. Of MLA the down-projections are apart, because
// tensor parallelism replicates them (Megatron-Core multi_latent_attention.py: parallel_mode "duplicated").
struct AttentionMatrices {
  double sharded = 0;     // q, k, v, output; MLA: up-projections and output
  double replicated = 0;  // MLA: q and kv down-projections with the shared rotary key
  double total() const { return sharded + replicated; }
};
AttentionMatrices attention_matrices(const ModelSpec& model);

// Weights of an MLP `width` wide: three matrices when gated, else two.
double mlp_matrices(const ModelSpec& model, std::int64_t width);

// Biases, split as the matrix they belong to: those of column-parallel matrices are sharded by TP, those of
// row-parallel ones (output projections) are replicated.
struct Biases {
  double sharded = 0, replicated = 0;
  double total() const { return sharded + replicated; }
};
Biases attention_biases(const ModelSpec& model);
Biases mlp_biases(const ModelSpec& model, std::int64_t width);

// One norm over `width` values: a weight, and a bias if the model's norms have one.
double norm_parameters(const ModelSpec& model, std::int64_t width);

// All norms of one layer: those over the hidden size, q/k norms, MLA's latent norms.
double layer_norms(const ModelSpec& model);

// An MTP module beyond its transformer layer: the 2·hidden → hidden projection, and the norms of both inputs and of
// the module's output (DeepSeek-V3, arXiv 2412.19437, section 2.2).
double mtp_projection(const ModelSpec& model);
double mtp_norms(const ModelSpec& model);

// The layer inside an MTP module is MoE when the model's last layer is.
bool mtp_is_moe(const ModelSpec& model);

}  // namespace supernode
