#include "scenarios/import_megatron_flags.hpp"

#include <algorithm>

namespace supernode {

namespace {

using enum FlagKind;

constexpr bool kMindSpeed = true;

std::vector<MegatronFlag> model_flags() {
  return {
      {"num-layers", kRead},
      {"hidden-size", kInteger, "model.hidden"},
      {"ffn-hidden-size", kRead},
      {"num-attention-heads", kRead},
      {"group-query-attention", kRead},
      {"num-query-groups", kRead},
      {"kv-channels", kRead},
      {"multi-latent-attention", kRead},
      {"q-lora-rank", kRead},
      {"kv-lora-rank", kRead},
      {"qk-head-dim", kRead},
      {"qk-pos-emb-head-dim", kRead},
      {"qk-nope-head-dim", kRead, "", "", kMindSpeed},
      {"qk-rope-head-dim", kRead, "", "", kMindSpeed},
      {"v-head-dim", kRead},
      {"qk-layernorm", kRead},
      {"add-qkv-bias", kRead},
      {"disable-bias-linear", kRead},
      {"add-dense-bias", kRead, "", "", kMindSpeed},
      {"window-size", kRead},
      {"swiglu", kSet, "model.gated_mlp", "true"},
      {"squared-relu", kIdle},
      {"normalization", kRead},
      {"position-embedding-type", kRead},
      {"use-rotary-position-embeddings", kRead},
      {"max-position-embeddings", kRead},
      {"vocab-size", kRead},
      {"padded-vocab-size", kRead},
      {"make-vocab-size-divisible-by", kRead},
      {"untie-embeddings-and-output-weights", kRead},
      {"num-experts", kInteger, "model.moe.experts"},
      {"moe-router-topk", kInteger, "model.moe.topk"},
      {"moe-ffn-hidden-size", kRead},
      {"moe-intermediate-size", kRead, "", "", kMindSpeed},
      {"n-shared-experts", kInteger, "model.moe.shared_experts", "", kMindSpeed},
      {"moe-shared-expert-intermediate-size", kRead},
      {"moe-shared-expert-gate", kSet, "model.moe.shared_gate", "true"},
      {"moe-layer-freq", kRead},
      {"first-k-dense-replace", kRead, "", "", kMindSpeed},
      {"moe-router-group-topk", kInteger, "model.moe.node_limit"},
      {"topk-group", kInteger, "model.moe.node_limit", "", kMindSpeed},
      {"mtp-num-layers", kInteger, "model.mtp_layers"},
      {"noop-layers", kRead, "", "", kMindSpeed},
  };
}

std::vector<MegatronFlag> plan_flags() {
  return {
      {"tensor-model-parallel-size", kInteger, "plan.tensor_parallel"},
      {"pipeline-model-parallel-size", kInteger, "plan.pipeline_parallel"},
      {"context-parallel-size", kInteger, "plan.context_parallel"},
      {"expert-model-parallel-size", kInteger, "plan.expert_parallel"},
      {"expert-tensor-parallel-size", kInteger, "plan.expert_tensor_parallel"},
      {"context-parallel-algo", kRead, "", "", kMindSpeed},
      {"ulysses-degree-in-cp", kInteger, "plan.context.ulysses", "", kMindSpeed},
      {"use-cp-send-recv-overlap", kSet, "plan.context.overlap", "true", kMindSpeed},
      {"cp-comm-type", kRead},
      {"num-layers-per-virtual-pipeline-stage", kRead},
      {"num-virtual-stages-per-pipeline-rank", kRead},
      {"decoder-first-pipeline-num-layers", kRead},
      {"decoder-last-pipeline-num-layers", kRead},
      {"pipeline-num-transformer-layers", kRead},
      {"num-layer-list", kRead, "", "", kMindSpeed},
      {"account-for-embedding-in-pipeline-split", kSet, "plan.balance_embedding", "true"},
      {"account-for-loss-in-pipeline-split", kSet, "plan.balance_embedding", "true"},
      {"schedules-method", kRead, "", "", kMindSpeed},
      {"sequence-parallel", kSet, "plan.sequence_parallel", "true"},
      {"tp-2d", kRead, "", "", kMindSpeed},
      {"tp-x", kRead, "", "", kMindSpeed},
      {"tp-y", kRead, "", "", kMindSpeed},
      {"use-distributed-optimizer", kSet, "plan.zero_stage", "1"},
      {"use-torch-fsdp2", kSet, "plan.zero_stage", "3"},
      {"use-megatron-fsdp", kSet, "plan.zero_stage", "3"},
      {"use-custom-fsdp", kSet, "plan.zero_stage", "3"},
      {"data-parallel-sharding-strategy", kRead},
      {"micro-batch-size", kInteger, "plan.micro_batch"},
      {"global-batch-size", kRead},
      {"seq-length", kRead},
      {"recompute-granularity", kRead},
      {"recompute-method", kRead},
      {"recompute-num-layers", kRead},
      {"recompute-modules", kRead},
      {"recompute-activations", kRead},
      {"recompute-activation-function", kRead, "", "", kMindSpeed},
      {"recompute-norm", kRead, "", "", kMindSpeed},
      {"moe-layer-recompute", kRead},
      {"swap-attention", kRead, "", "", kMindSpeed},
      {"swap-optimizer", kSet, "plan.offload.optimizer", "1", kMindSpeed},
      {"optimizer-cpu-offload", kRead},
      {"optimizer-offload-fraction", kRead},
      {"optimizer", kRead},
      {"lora-r", kInteger, "plan.lora.rank", "", kMindSpeed},
      {"lora-target-modules", kRead, "", "", kMindSpeed},
  };
}

std::vector<MegatronFlag> number_and_overlap_flags() {
  return {
      {"bf16", kRead},
      {"fp16", kRead},
      {"fp8-format", kRead},
      {"fp8-recipe", kRead},
      {"fp8-param-gather", kRead},
      {"fp4-format", kRead},
      {"main-grads-dtype", kRead},
      {"main-params-dtype", kRead},
      {"exp-avg-dtype", kRead},
      {"exp-avg-sq-dtype", kIdle},
      {"grad-reduce-in-bf16", kRead},
      {"accumulate-allreduce-grads-in-fp32", kRead},
      {"reuse-fp32-param", kSet, "plan.optimizer.split_master", "true", kMindSpeed},
      {"use-flash-attn", kRead},
      {"attention-backend", kRead},
      {"transformer-impl", kRead},
      {"cross-entropy-loss-fusion", kSet, "plan.fused_loss", "true"},
      {"overlap-grad-reduce", kSet, "plan.overlap.grad_reduce", "true"},
      {"overlap-param-gather", kSet, "plan.overlap.param_gather", "true"},
      {"tp-comm-overlap", kSet, "plan.overlap.tensor", "true"},
      {"use-ascend-mc2", kSet, "plan.overlap.tensor", "true", kMindSpeed},
      {"use-ascend-coc", kSet, "plan.overlap.tensor", "true", kMindSpeed},
      {"coc-parallel-num", kInteger, "plan.overlap.tensor_chunks", "", kMindSpeed},
      {"moe-alltoall-overlap-comm", kSet, "plan.overlap.expert", "true", kMindSpeed},
      {"moe-fb-overlap", kSet, "plan.overlap.expert", "true", kMindSpeed},
      {"overlap-moe-expert-parallel-comm", kSet, "plan.overlap.expert", "true"},
      {"overlap-p2p-communication", kSet, "plan.overlap.pipeline", "true"},
      {"no-overlap-p2p-communication", kSet, "plan.overlap.pipeline", "false"},
      {"moe-expert-capacity-factor", kNumber, "plan.routing.capacity_factor"},
      {"moe-pad-expert-input-to-capacity", kSet, "plan.routing.pad_to_capacity", "true"},
      {"nnodes", kRead},
      {"nproc-per-node", kRead},
      {"cpu-offloading-num-layers", kCostly, "", "activations offloaded by layers"},
      {"moe-zero-memory", kCostly, "", "recomputation inside the MoE layer at no memory"},
      {"adaptive-recompute-device-size", kCostly, "", "recomputation chosen while running"},
      {"moe-extended-tp", kCostly, "", "experts spread over tensor ranks"},
      {"moe-tp-extend-ep", kCostly, "", "experts spread over tensor ranks"},
      {"use-pipe-experts", kCostly, "", "expert computation in pieces"},
      {"moe-hot-experts", kCostly, "", "replicas of busy experts"},
      {"enable-cuda-graph", kCostly, "", "CUDA graphs: launch times are the chip's fitted ones"},
      {"cuda-graph-impl", kCostly, "", "CUDA graphs: launch times are the chip's fitted ones"},
      {"moe-router-load-balancing-type", kIdle},
      {"moe-router-force-load-balancing", kIdle},
      {"moe-token-dispatcher-type", kIdle},
      {"moe-grouped-gemm", kIdle},
      {"moe-permute-fusion", kIdle},
      {"use-mcore-models", kIdle},
      {"norm-epsilon", kIdle},
      {"rotary-base", kIdle},
      {"rotary-percent", kIdle},
  };
}

}  // namespace

const std::vector<MegatronFlag>& megatron_flags() {
  static const std::vector<MegatronFlag> kFlags = [] {
    std::vector<MegatronFlag> flags = model_flags();
    for (const auto& more : {plan_flags(), number_and_overlap_flags()})
      flags.insert(flags.end(), more.begin(), more.end());
    return flags;
  }();
  return kFlags;
}

const MegatronFlag* find_megatron_flag(std::string_view name) {
  const auto& flags = megatron_flags();
  const auto found =
      std::find_if(flags.begin(), flags.end(), [&](const MegatronFlag& each) { return each.name == name; });
  return found == flags.end() ? nullptr : &*found;
}

}  // namespace supernode
