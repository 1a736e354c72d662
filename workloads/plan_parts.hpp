#pragma once
// The vocabulary of a plan: its schedules, its ways to exchange, recompute, offload and update, each a struct of its
// own (PlanSpec, workloads/plan_spec.hpp, holds one of each).

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/precision.hpp"

namespace supernode {

// One file each: workloads/schedule_*.cpp.
enum class PipelineSchedule {
  kOneForwardOneBackward,
  kInterleaved,
  kDualPipeV,
  kGPipe,
  kZeroBubbleH1,
  kZeroBubbleV,
  kDualPipe
};

enum class Recompute { kNone, kSelective, kFull };
// kSelective recomputes the modules of RecomputeSpec::modules; with none named: attention cores without flash (nothing
// to do with flash), norms, activations and, for MLA, the up-projections, as Megatron's `--recompute-granularity
// selective` with modules; see docs/models/memory.md.

// What selective recomputation can name (Megatron-Core's --recompute-modules).
enum class RecomputeModule { kCoreAttention, kNorm, kActivation, kMlaUpProjection, kMlp, kMoe, kSharedExperts };
inline constexpr int kRecomputeModules = 7;

struct RecomputeSpec {
  std::vector<RecomputeModule> modules;  // of kSelective; empty: the default set above
  // Of kFull. `block`: only so many leading layers of each piece are recomputed (Megatron's --recompute-method block);
  // 0 = all. `group`: one checkpoint for so many layers (uniform).
  std::int64_t block = 0;
  std::int64_t group = 1;
};

// How the tokens of a sequence meet across context-parallel ranks. kRing passes keys and values round, a hop hidden
// under each block of attention (arXiv 2310.01889); kUlysses exchanges heads for tokens (arXiv 2309.14509); kHybrid is
// Ulysses inside groups of `ulysses` ranks and a ring between them; kAllGather gathers keys and values whole (Llama 3,
// arXiv 2407.21783, section 3.3.2).
enum class ContextKind { kRing, kUlysses, kHybrid, kAllGather };

struct ContextSpec {
  ContextKind kind = ContextKind::kRing;
  std::int64_t ulysses = 1;  // of kHybrid: ranks of one Ulysses group; divides context_parallel
  bool balanced = true;      // causal: each rank has an early and a late part (zigzag), so that all compute alike
  bool overlap = true;       // ring hops run under the attention of the block before
};

// How a token that several experts of one rank chose travels. kOnce: once a rank, copied behind the exchange (DeepEP).
// kCopies: once an expert, copied in front of it (Megatron-Core's all-to-all dispatcher); expert tensor parallelism then
// gathers the copies. kGather: every rank of the experts' group gathers all tokens, and the results are
// reduce-scattered (its all-gather dispatcher).
enum class TokenDispatcher { kOnce, kCopies, kGather };

// How tokens reach the experts.
struct RoutingSpec {
  TokenDispatcher dispatcher = TokenDispatcher::kOnce;
  double capacity_factor = 0;    // 0 = dropless; else an expert takes at most factor × the mean, the rest is dropped
  bool pad_to_capacity = false;  // experts work on full capacity whatever arrives
  double imbalance = 1;          // tokens of the busiest rank over the mean; 1 = force-balanced
  bool strided = false;          // expert ranks stand a replica group apart instead of side by side
};

enum class OptimizerKind { kAdam, kMuon, kSgd };

// The training software: which tensors it holds beside those that every one must (memory_stack.hpp).
// Megatron-Bridge lays memory out as Megatron-Core does, MindSpeed with the tensors of the NPU's fused operators;
// kFsdp is PyTorch's fully_shard with unfused layers.
enum class TrainingStack { kMegatron, kMindSpeed, kNanotron, kFsdp };

struct OptimizerSpec {
  OptimizerKind kind = OptimizerKind::kAdam;
  Precision master = Precision::kFp32;  // master weights; bf16: there are none apart from the weights
  Precision moment = Precision::kFp32;
  bool split_master = false;  // the weight is the master's upper half: only the lower half stands apart
};

// What stands in host memory, moved over the host link (SystemSpec::host_bandwidth).
struct OffloadSpec {
  double activations = 0;  // share of the kept activations, swapped out behind forward, back before backward
  double optimizer = 0;    // share of optimizer states and master weights, streamed in and out at the step's end
  bool overlap = true;     // activation swaps run under computation
};

// Low-rank adapters beside frozen matrices (arXiv 2106.09685). Frozen matrices have no weight gradient.
struct LoraSpec {
  std::int64_t rank = 0;        // 0 = full training
  bool attention_only = false;  // adapters on the attention projections only, else on every matrix of a layer
};

// Which chains of small operations run as one kernel. Unfused, they are what eager PyTorch runs
// (workloads/unfused_traffic.hpp).
struct FusionSpec {
  bool norm = true, rope = true, activation = true;
  bool weight_gradient = true;  // the product adds into the gradient buffer itself
  bool experts = true;          // the products of a rank's experts are one grouped product
  bool routing = true;          // choice of the experts and order of the rows: a kernel each
};

// What the host launches as one CUDA graph. kStatic: all of a pass but what hangs on the router's choice, which is the
// exchange of tokens, the routed experts and the copies between them (Transformer Engine's scopes attn, mlp, moe_router
// and moe_preprocess). kPass: everything between a step's start and its optimizer (Megatron-Core's full_iteration).
enum class GraphScope { kNone, kStatic, kPass };

struct LaunchSpec {
  GraphScope graphs = GraphScope::kNone;
  bool experts_apart = false;  // a launch for each expert's product, on several streams (Transformer Engine over cuBLAS)
  // What a host that falls behind needs besides, in the time of so many launches: for a collective, for each other rank
  // of its group; and for a pass of one of several stages, its messages.
  std::int64_t for_peer = 0, for_message = 0;
};

struct OverlapSpec {
  bool grad_reduce = true;   // DP reduce-scatter under the last backward passes
  bool param_gather = true;  // ZeRO all-gather under the forward passes
  bool tensor = false;       // TP all-gather/reduce-scatter in chunks under their matrix products (CoC, MC2, TE UB)
  std::int64_t tensor_chunks = 4;  // so many pieces
  bool expert = false;             // EP dispatch/combine of one micro-batch under the computation of another
  bool shortcut = true;            // shortcut-connected MoE: the exchange runs under the dense branch
  bool pipeline = true;            // p2p sends do not block the sender
};

}  // namespace supernode
