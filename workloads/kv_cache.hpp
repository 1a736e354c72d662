#pragma once
// Device memory that decoding keeps of the tokens before: keys and values, what stands for them in latent and
// compressed attention, and the states of state-space layers. One rank's part, all layers; divide by the pipeline
// stages yourself.

#include "base/precision.hpp"
#include "workloads/model_spec.hpp"

namespace supernode {

// What one sequence of `tokens` tokens holds. A rank has its share of the key-value heads, at least one (with more
// tensor-parallel ranks than heads they are replicated); a latent (MLA) or a key-value head shared by all query heads
// (compressed attention) is replicated. Windowed layers hold no more than their window; of merged keys one stands for
// `ratio` tokens, beside the window of raw ones (MoE shortcut layers have two attention blocks and so two caches).
// MTP modules are left out: they serve training, or as a draft of one layer.
Bytes kv_cache(const ModelSpec& model, Precision precision, std::int64_t tokens, std::int64_t tensor_parallel = 1);

// How much one more token adds to a long sequence, beyond every window: the slope of kv_cache.
Bytes kv_cache_per_token(const ModelSpec& model, Precision precision, std::int64_t tensor_parallel = 1);

}  // namespace supernode
