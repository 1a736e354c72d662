#include "workloads/memory_stack.hpp"

namespace supernode {
namespace {

// Megatron-Core: weight gradients are added straight into the fp32 buffer (gradient accumulation fusion), SwiGLU and
// rotary embedding are fused, the vocabulary-parallel cross entropy works in place on an fp32 copy of the bf16 logits
// (core/tensor_parallel/cross_entropy.py). Fragmentation is assumed.
constexpr StackMemory kMegatronMemory = {};

// MindSpeed on Megatron-Core: torch_npu's fused rotary embedding saves its input (npu_rotary_mul_backward takes it),
// and npu_fusion_attention returns the maximum and the sum of each row's softmax eight times over in fp32. That the
// update makes an fp32 tensor as large as the one at work is observed: it is what the peaks of MindSpeed-LLM's
// continuous integration hold above the states where they stand in the update.
constexpr StackMemory kMindSpeedMemory = {.keeps_unrotated = true, .softmax_row_bytes = 2 * 8 * 4, .update_copy = 4};

// huggingface/nanotron, src/nanotron: optim/gradient_accumulator.py adds bf16 gradients to fp32 ones behind each
// backward pass; parallel/data_parallel wraps PyTorch's DDP, with its own buckets; distributed.py flattens what
// ZeRO-1 exchanges; parallel/tensor_parallel/functional.py gathers into two MemoryBuffers and keeps fp32 logits beside
// their softmax (2 + 4 + 4 bytes); models/llama.py: rotary copies, unfused SwiGLU. The delayed reuse follows from
// PyTorch's record_stream on a collective's input; its share and the size of the groups that show it are fitted to half
// of the published H100 sweep (docs/models/memory.md).
constexpr StackMemory kNanotronMemory = {.backward_gradients = true,
                                         .gradient_buckets = true,
                                         .flat_exchange = true,
                                         .gather_buffers = 2,
                                         .copies_key_value = true,
                                         .keeps_activated_gate = true,
                                         .logit_bytes = 10,
                                         .fragmentation = 0,
                                         .delayed_reuse = 0.55,
                                         .delayed_ranks = 8};

// PyTorch's fully_shard: the sharded parameter is what the optimizer updates; layers as eager PyTorch runs them; the
// loss casts logits to fp32 and keeps their log-softmax (2 + 4 + 4 bytes).
constexpr StackMemory kFsdpMemory = {.keeps_activated_gate = true, .shard_is_master = true, .logit_bytes = 10};

}  // namespace

const StackMemory& stack_memory(TrainingStack stack) {
  switch (stack) {
    case TrainingStack::kMegatron:
      break;
    case TrainingStack::kMindSpeed:
      return kMindSpeedMemory;
    case TrainingStack::kNanotron:
      return kNanotronMemory;
    case TrainingStack::kFsdp:
      return kFsdpMemory;
  }
  return kMegatronMemory;
}

}  // namespace supernode
