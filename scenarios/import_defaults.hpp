#pragma once
// What each training software does when a published run does not say. One table; each entry has its reason.

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/precision.hpp"
#include "scenarios/import_table.hpp"

namespace supernode {

// How a software's log counts the FLOPs behind its TFLOPS or MFU.
struct FlopsConvention {
  bool full_attention = false;   // of the whole square, not of its causal half
  bool silu_gates_only = false;  // an MLP gated by GELU counts as ungated
  bool with_recompute = false;   // full recomputation counts as a second forward pass
  double mfu_peak_tflops = 0;    // what MFU divides by; 0 = the chip's dense bf16 peak
};

struct StackDefaults {
  std::string_view name;
  std::vector<std::string_view> sources = {};  // texts of `source`, `id` or `overlap_notes` (lower case) that tell it
  bool lora_only = false;                      // of runs that train adapters alone

  // Overlap.
  bool grad_reduce = true, param_gather = true, tensor = false, pipeline = true;
  std::int64_t tensor_chunks = 4;

  bool sequence_parallel = true;
  bool flash_attention = true;
  bool fused_loss = false;
  bool dropout = false;
  std::string_view attention_library = "native";  // an AttentionLibrary
  std::vector<std::string_view> unfused = {};     // keys of plan.fused that are false
  std::int64_t zero_stage = 1;
  std::string_view context = "ring";  // a ContextKind

  std::string_view memory = "megatron";  // plan.stack
  std::string_view dispatcher = "once";  // plan.routing.dispatcher

  // Number formats of a bf16 (or lower) run and of an fp16 run: gradient buffer and its reduction.
  Precision gradient = Precision::kFp32, reduce = Precision::kFp32;
  Precision gradient_fp16 = Precision::kFp16, reduce_fp16 = Precision::kFp16;
  Precision moment = Precision::kFp32;
  bool narrow_blocks = false;  // in mxfp8 the quantised weights are the only ones, in nvfp4 the frozen ones
  bool fp8_gather = false;     // parameters are gathered in fp8 when products are per-tensor fp8

  bool experts_split_by_tensor = true;  // without a stated expert_tensor_parallel it is tensor_parallel
  bool mtp = false;                     // trains a model's multi-token-prediction modules unless the row says otherwise
  std::int64_t lora_rank = 32;
  bool lora_attention_only = false;

  FlopsConvention flops{};
  std::string_view software = "megatron-lm";  // of the software catalogue

  std::string_view reason = "";
};

// By the row's source, id and notes; the last resort is Megatron-LM.
const StackDefaults& stack_defaults(const PublishedRun& run);
const std::vector<StackDefaults>& all_stack_defaults();

}  // namespace supernode
