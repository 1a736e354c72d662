#pragma once
// The kinds of attention, each from the normalised input to what the output projection takes in; and pieces they share.

#include <string>

#include "workloads/layer_program.hpp"

namespace supernode {

// Elements of a tensor of so many rows and columns.
double tensor_elements(std::int64_t rows, std::int64_t columns);

// A matrix of an attention block, with adapters when LoRA has any.
Linear attention_linear(const RankShape& shape, std::string name, LinearKind kind, std::int64_t rows, std::int64_t in,
                        std::int64_t out);
LayerPart attention_product(const RankShape& shape, std::string name, LinearKind kind, std::int64_t rows,
                            std::int64_t in, std::int64_t out, EventSource& events);
// Rotates `width` columns of the rank's tokens in place.
LayerPart rope_part(const RankShape& shape, const std::string& name, std::int64_t width);
// `columns` of keys and values that all heads share, made from the rank's own tokens: gathered over the tensor-parallel
// ranks, whose gradients of them are summed.
LayerPart shared_key_part(const RankShape& shape, const std::string& name, std::int64_t columns);

// Multi-head latent attention, core included: with keys and values of each head, or, behind an indexer, absorbed.
void append_latent_attention(const RankShape& shape, const LayerForm& form, EventSource& events, LayerParts& parts);
// DeepSeek-V4's compressed attention, with its output projection.
void append_compressed_attention(const RankShape& shape, const LayerForm& form, EventSource& events, LayerParts& parts);
// A Mamba-2 layer from its in-projection to its out-projection.
void append_mamba(const RankShape& shape, EventSource& events, LayerParts& parts);

// The indexer: its projections, index scores and choice of keys. `keys` are its columns a token (or merged tokens);
// they are one for each `ratio` tokens.
void append_indexer(const RankShape& shape, const LayerForm& form, std::int64_t ratio, EventSource& events,
                    LayerParts& parts);
// The core over one shared key-value head, with a mean number of keys a query that the form decides. Context-parallel
// ranks gather that one head (one row for `ratio` tokens), whatever `context.kind`: it is much narrower than the
// queries.
LayerPart shared_core_part(const RankShape& shape, const LayerForm& form, std::int64_t ratio);

}  // namespace supernode
