#include "scenarios/import_defaults.hpp"

#include <algorithm>

#include "scenarios/import_text.hpp"

namespace supernode {

namespace {

using enum Precision;

// The first entry whose text occurs wins, so the particular stand before the general.
std::vector<StackDefaults> make_stacks() {
  return {
      {.name = "nanotron",
       .sources = {"nanotron"},
       .param_gather = false,
       .tensor = true,
       .tensor_chunks = 2,
       .attention_library = "fa2",
       .unfused = {"activation", "weight_gradient"},
       .memory = "nanotron",
       .gradient = kFp32,
       .reduce = kFp32,
       .software = "nanotron",
       .reason = "nanotron accumulates and reduces gradients in fp32 under the last backward pass, gathers ZeRO-1 "
                 "parameters behind the update, and its asynchronous tensor parallelism hides the gather under the "
                 "product with the local shard: two pieces; models/llama.py: FlashAttention-2, SwiGLU in two "
                 "operations, fp32 gradients added up behind autograd"},
      {.name = "vTrain's Megatron-DeepSpeed",
       .sources = {"vtrain"},
       .grad_reduce = false,
       .param_gather = false,
       .pipeline = false,
       .sequence_parallel = false,
       .flash_attention = false,
       .dropout = true,
       .zero_stage = 0,
       .software = "megatron-deepspeed",
       .reason = "Megatron before sequence parallelism and flash attention, with dropout; vTrain's model has one "
                 "gradient all-reduce at the end of a step; sends of DeepSpeed's pipeline block the stage"},
      {.name = "SimuMax's Megatron-LM with every overlap off",
       .sources = {"simumax"},
       .grad_reduce = false,
       .param_gather = false,
       .pipeline = false,
       .fused_loss = true,
       .experts_split_by_tensor = false,
       .reason = "SimuMax's B200 release notes: overlap features off, fused cross entropy"},
      {.name = "MindSpeed",
       .sources = {"mindspeed", "msllm"},
       .grad_reduce = false,
       .param_gather = false,
       .sequence_parallel = false,
       .flash_attention = false,
       .unfused = {"weight_gradient"},
       .zero_stage = 0,
       .context = "ulysses",
       .memory = "mindspeed",
       .dispatcher = "gather",
       .lora_rank = 16,
       // Megatron's throughput per GPU before 2025 counts the whole square, and a third matrix of the MLP only with
       // --swiglu (training.py, num_floating_point_operations); MindSpeed's MFU table divides by 353.9.
       .flops = {.full_attention = true, .silu_gates_only = true, .mfu_peak_tflops = 353.9},
       .software = "mindspeed",
       .reason = "MindSpeed's flags are off unless a script sets them; its --context-parallel-algo defaults to "
                 "ulysses_cp_algo, --moe-token-dispatcher-type to allgather; bf16 runs accumulate gradients in fp32 "
                 "(Megatron arguments.py), fp16 runs in fp16; its scripts set --no-gradient-accumulation-fusion"},
      {.name = "MindFormers",
       .sources = {"mindformers"},
       .grad_reduce = false,
       .param_gather = false,
       .gradient = kBf16,
       .reduce = kBf16,
       .software = "mindformers",
       .reason = "MindSpore's gradients have the format of the parameters, which MindFormers holds in 16 bits"},
      {.name = "llm-foundry's Composer FSDP",
       .sources = {"llm-foundry"},
       .sequence_parallel = false,
       .fused_loss = true,
       .attention_library = "triton",
       .zero_stage = 3,
       .memory = "fsdp",
       .gradient_fp16 = kFp32,
       .reduce_fp16 = kFp32,
       .flops = {.full_attention = true},
       .software = "llm-foundry",
       .reason = "llm-foundry's loss_fn defaults to fused_crossentropy, its benchmarks' attn_impl to triton; PyTorch "
                 "FSDP prefetches gathers and overlaps "
                 "reductions; Composer's mixed precision DEFAULT reduces in "
                 "fp32 and PURE in the low format"},
      {.name = "torchtitan-npu",
       .sources = {"titan"},
       .zero_stage = 3,
       .memory = "fsdp",
       .dispatcher = "copies",
       .experts_split_by_tensor = false,
       .software = "torchtitan",
       .reason =
           "torchtitan shards with FSDP2, reduces in fp32 and prefetches by default; its standard expert-parallel "
           "backend permutes copies and exchanges them by all-to-all"},
      {.name = "NeMo Automodel",
       .sources = {"automodel"},
       .sequence_parallel = false,
       .zero_stage = 3,
       .memory = "fsdp",
       .experts_split_by_tensor = false,
       .lora_rank = 8,
       .software = "automodel",
       .reason = "Automodel shards with FSDP2; its LoRA examples have rank 8"},
      {.name = "PaddleNLP",
       .sources = {"paddle"},
       .grad_reduce = false,
       .param_gather = false,
       .sequence_parallel = false,
       .unfused = {"norm", "rope", "activation"},
       .software = "paddle",
       .reason =
           "PaddleNLP's sharding and sequence parallelism flags are off unless stated, and so are its fused norm, "
           "rotation and SwiGLU"},
      {.name = "DeepSpeed",
       .sources = {"-ds-", "megds"},
       .sequence_parallel = false,
       .zero_stage = 3,
       .software = "deepspeed",
       .reason = "DeepSpeed runs without a stated stage are taken as ZeRO-3, which fits wherever they were run"},
      {.name = "DeepSeek's HAI-LLM",
       .sources = {"isca'25", "2412.19437", "2505.09343", "hai-llm"},
       .fused_loss = false,
       .moment = kBf16,
       .experts_split_by_tensor = false,
       .mtp = true,
       .software = "hai-llm",
       .reason = "DeepSeek-V3, arXiv 2412.19437, section 3.3: bf16 moments, fp32 master weights and gradients, ZeRO-1"},
      {.name = "MLPerf's NeMo LoRA",
       .sources = {"mlperf"},
       .lora_only = true,
       .tensor = true,
       .fused_loss = true,
       .gradient = kBf16,
       .reduce = kBf16,
       .narrow_blocks = true,
       .fp8_gather = true,
       .lora_rank = 16,
       .lora_attention_only = true,
       .software = "nemo",
       .reason = "MLPerf training rules, llama2_70b_lora: rank 16 on the attention projections; frozen weights are "
                 "held quantised alone: 70 billion "
                 "in bf16 beside their fp4 copies would not fit one GB200"},
      {.name = "NeMo and Megatron-Bridge",
       .sources = {"nemo", "megatron-bridge", "dgxc", "mlperf", "dsv3_gb200"},
       .tensor = true,
       .fused_loss = true,
       .gradient = kBf16,
       .reduce = kBf16,
       .narrow_blocks = true,
       .fp8_gather = true,
       .mtp = true,
       .software = "nemo",
       .reason = "NeMo's performance recipes: grad_reduce_in_fp32 false, distributed optimizer with overlapped "
                 "reduce-scatter and gather, tensor-parallel overlap by user buffers, fused cross entropy, fp8 "
                 "weights alone, gathered in fp8 when scaled by tensor and in bf16 in mxfp8"},
      {.name = "MegaScale's Megatron-LM baseline",
       .sources = {"megatron-lm commit"},
       .grad_reduce = false,
       .param_gather = false,
       .reason =
           "MegaScale, NSDI 2024, section 6.1: Megatron-LM of 2023 with its defaults, whose overlap flags are off"},
      {.name = "MegaScale",
       .sources = {"megascale"},
       .tensor = false,
       .software = "megascale",
       .reason = "MegaScale, NSDI 2024, section 3.2"},
      {.name = "MT-NLG's Megatron-DeepSpeed",
       .sources = {"mt-nlg"},
       .grad_reduce = false,
       .param_gather = false,
       .pipeline = false,
       .sequence_parallel = false,
       .flash_attention = false,
       .dropout = true,
       .zero_stage = 0,
       .flops = {.full_attention = true, .with_recompute = true},
       .software = "megatron-deepspeed",
       .reason = "arXiv 2201.11990, section 2: Megatron's layers in DeepSpeed's pipeline, whose sends block the stage"},
      {.name = "Megatron-LM of 2021 and 2022",
       .sources = {"sc'21", "korthikanti"},
       .grad_reduce = false,
       .param_gather = false,
       .sequence_parallel = false,
       .flash_attention = false,
       .dropout = true,
       .zero_stage = 0,
       .flops = {.full_attention = true, .with_recompute = true},
       .software = "megatron-2021",
       .reason = "arXiv 2104.04473 and 2205.05198: before flash attention, dropout (its masks are counted in "
                 "2205.05198), gradients reduced at the end of a step; sequence parallelism where the row says so"},
      {.name = "Megatron-LM",
       .sources = {"megatron", ""},
       .grad_reduce = false,
       .param_gather = false,
       .reason = "Megatron-LM's overlap flags are off unless a script sets them; bf16 runs accumulate in fp32"},
  };
}

}  // namespace

const std::vector<StackDefaults>& all_stack_defaults() {
  static const std::vector<StackDefaults> kStacks = make_stacks();
  return kStacks;
}

const StackDefaults& stack_defaults(const PublishedRun& run) {
  const std::string text = lower_case(run.source + " " + run.id + " " + run.model + " " + run.overlap);
  const auto& stacks = all_stack_defaults();
  const auto tells = [&](const StackDefaults& stack) {
    if (stack.lora_only && !contains(text, "lora")) return false;
    return std::any_of(stack.sources.begin(), stack.sources.end(),
                       [&](std::string_view part) { return contains(text, part); });
  };
  return *std::find_if(stacks.begin(), stacks.end(), tells);  // the last entry's "" occurs everywhere
}

}  // namespace supernode
