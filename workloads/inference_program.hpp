#pragma once
// What one forward pass of serving does on one rank: a decode step (each sequence adds a token or a few to a long
// context) or a prefill (whole prompts). No times. Equations: docs/models/rl.md.

#include <string>
#include <variant>
#include <vector>

#include "base/collective.hpp"
#include "base/kernel.hpp"
#include "workloads/inference_spec.hpp"

namespace supernode {

// Attention of a few new tokens to long contexts: each sequence reads its own cache once, its query heads that share a
// key-value head work as one matrix (flash decoding; MLA absorbed, arXiv 2405.04434, appendix C).
struct DecodeAttention {
  std::int64_t sequences = 0;
  std::int64_t kv_heads = 1;
  std::int64_t rows = 1;  // of one sequence and key-value head: query heads that share it × new tokens
  double keys = 0;        // attended to, of one sequence
  std::int64_t qk_width = 0, v_width = 0;
  Bytes key_value{};  // of one key with its value and one key-value head, as cached
  Precision precision = Precision::kBf16;
};
Flops flops(const DecodeAttention& attention);
Bytes traffic(const DecodeAttention& attention);  // of the cache

enum class InferenceGroup { kTensor, kExpert };

struct InferenceExchange {
  CollectiveCall call;
  InferenceGroup group = InferenceGroup::kTensor;
};

struct InferenceOp {
  std::string name;
  std::variant<Kernel, DecodeAttention, InferenceExchange> work;
  bool beside_experts = false;  // of the dense branch that a shortcut-connected MoE's exchanges run under
};

// `count` equal layers (or heads, …).
struct InferenceBlock {
  double count = 1;
  std::vector<InferenceOp> ops;
};

// What one replica processes in a pass. A prefill has no context: its sequences are `new_tokens` long.
struct InferencePass {
  std::int64_t sequences = 0;
  std::int64_t new_tokens = 1;  // of each
  double context = 0;           // tokens before, mean
  bool prefill = false;
  std::int64_t rows() const { return sequences * new_tokens; }
};

// All layers, the head and sampling; with speculation a decode pass checks 1 + drafts tokens of each sequence (give
// them as new_tokens) and runs the drafts.
std::vector<InferenceBlock> inference_program(const ModelSpec& model, const InferencePlan& plan,
                                              const InferencePass& pass);

}  // namespace supernode
