#include "workloads/plan_spec.hpp"

#include <array>

namespace supernode {

namespace {

constexpr std::array<Choice<PipelineSchedule>, 7> kSchedules = {{
    {"1f1b", PipelineSchedule::kOneForwardOneBackward},
    {"interleaved", PipelineSchedule::kInterleaved},
    {"gpipe", PipelineSchedule::kGPipe},
    {"zb-h1", PipelineSchedule::kZeroBubbleH1},
    {"zb-v", PipelineSchedule::kZeroBubbleV},
    {"dualpipe", PipelineSchedule::kDualPipe},
    {"dualpipev", PipelineSchedule::kDualPipeV},
}};

constexpr std::array<Choice<RecomputeModule>, kRecomputeModules> kModules = {{
    {"core_attention", RecomputeModule::kCoreAttention},
    {"norm", RecomputeModule::kNorm},
    {"activation", RecomputeModule::kActivation},
    {"mla_up_projection", RecomputeModule::kMlaUpProjection},
    {"mlp", RecomputeModule::kMlp},
    {"moe", RecomputeModule::kMoe},
    {"shared_experts", RecomputeModule::kSharedExperts},
}};

constexpr std::array<Choice<ContextKind>, 4> kContexts = {{
    {"ring", ContextKind::kRing},
    {"ulysses", ContextKind::kUlysses},
    {"hybrid", ContextKind::kHybrid},
    {"all_gather", ContextKind::kAllGather},
}};

constexpr std::array<Choice<TokenDispatcher>, 3> kDispatchers = {{
    {"once", TokenDispatcher::kOnce},
    {"copies", TokenDispatcher::kCopies},
    {"gather", TokenDispatcher::kGather},
}};

constexpr std::array<Choice<AttentionLibrary>, 3> kAttentionLibraries = {{
    {"native", AttentionLibrary::kNative},
    {"fa2", AttentionLibrary::kFlash2},
    {"triton", AttentionLibrary::kTriton},
}};

constexpr std::array<Choice<GraphScope>, 3> kGraphs = {{
    {"none", GraphScope::kNone},
    {"static", GraphScope::kStatic},
    {"pass", GraphScope::kPass},
}};

constexpr std::array<Choice<OptimizerKind>, 3> kOptimizers = {{
    {"adam", OptimizerKind::kAdam},
    {"muon", OptimizerKind::kMuon},
    {"sgd", OptimizerKind::kSgd},
}};

constexpr std::array<Choice<TrainingStack>, 4> kStacks = {{
    {"megatron", TrainingStack::kMegatron},
    {"mindspeed", TrainingStack::kMindSpeed},
    {"nanotron", TrainingStack::kNanotron},
    {"fsdp", TrainingStack::kFsdp},
}};

constexpr std::array<Choice<Recompute>, 3> kRecomputes = {{
    {"none", Recompute::kNone},
    {"selective", Recompute::kSelective},
    {"full", Recompute::kFull},
}};

template <class Enum, std::size_t N>
std::string_view name_of(Enum value, const std::array<Choice<Enum>, N>& choices) {
  for (const auto& [name, choice] : choices) {
    if (choice == value) return name;
  }
  return "?";
}

void read_precision(SpecReader& r, Field field, Precision& out, std::initializer_list<Precision> allowed) {
  std::vector<Choice<Precision>> choices;
  for (Precision p : allowed) choices.emplace_back(to_string(p), p);
  r.choice<Precision>(field, out, choices);
}

void bind_precision(PlanSpec& plan, SpecReader& r) {
  using enum Precision;
  read_precision(r, {"compute", "operands of the layers' matrix products"}, plan.compute,
                 {kFp32, kTf32, kBf16, kFp16, kInt8, kFp8, kFp8Block, kMxfp8, kFp4});
  read_precision(r, {"parameter", "weights as every rank holds them"}, plan.parameter, {kFp32, kBf16, kFp16});
  read_precision(r, {"gather", "parameters on the wire of a ZeRO gather"}, plan.gather,
                 {kFp32, kBf16, kFp16, kFp8, kFp8Block, kMxfp8});
  r.boolean({"narrow_weights", "hold the layers' matrices as compute has them alone, whatever gather says"},
            plan.narrow_weights);
  read_precision(r, {"gradient", "the gradient buffer that micro-batches accumulate into"}, plan.gradient,
                 {kFp32, kBf16, kFp16});
  read_precision(r, {"reduce", "data-parallel gradient reduction on the wire"}, plan.reduce,
                 {kFp32, kBf16, kFp16, kInt8, kFp8, kFp8Block, kMxfp8});
  read_precision(r, {"dispatch", "payload of the expert dispatch"}, plan.dispatch,
                 {kBf16, kFp16, kInt8, kFp8, kFp8Block, kMxfp8, kFp4});
  read_precision(r, {"combine", "payload of the expert combine"}, plan.combine,
                 {kBf16, kFp16, kInt8, kFp8, kFp8Block, kMxfp8});
  read_precision(r, {"router", "product that scores the experts"}, plan.router, {kFp32, kTf32, kBf16, kFp16});
  read_precision(r, {"activation", "inputs of activation functions as kept for the backward pass"}, plan.activation,
                 {kFp32, kBf16, kFp16, kFp8, kFp8Block, kMxfp8});
}

void bind_overlap(OverlapSpec& overlap, SpecReader& r) {
  r.boolean({"grad_reduce", "reduce gradients under the last backward passes"}, overlap.grad_reduce);
  r.boolean({"param_gather", "gather ZeRO parameters under the forward passes"}, overlap.param_gather);
  r.boolean({"tensor", "run tensor-parallel collectives in chunks under their matrix products"}, overlap.tensor);
  r.integer({"tensor_chunks", "pieces of a product and its collective"}, overlap.tensor_chunks, {.min = 1, .max = 64});
  r.boolean({"expert", "run the expert exchange of one micro-batch under the computation of another"}, overlap.expert);
  r.boolean({"shortcut", "run a shortcut-connected MoE's exchange under the dense branch"}, overlap.shortcut);
  r.boolean({"pipeline", "sends between stages do not block the sender"}, overlap.pipeline);
}

void bind_context(ContextSpec& context, SpecReader& r) {
  r.choice<ContextKind>({"kind", "ring, heads for tokens, both, or gathered keys and values"}, context.kind, kContexts);
  r.integer({"ulysses", "hybrid: ranks of a Ulysses group"}, context.ulysses, {.min = 1, .max = 1 << 20});
  r.boolean({"balanced", "each rank has an early and a late part of the sequence"}, context.balanced);
  r.boolean({"overlap", "ring: pass keys and values under the attention of the block before"}, context.overlap);
}

void bind_routing(RoutingSpec& routing, SpecReader& r) {
  r.choice<TokenDispatcher>({"dispatcher", "a token travels once a rank, once an expert, or every rank gathers all"},
                            routing.dispatcher, kDispatchers);
  r.number({"capacity_factor", "an expert takes at most so many times the mean; 0 drops no token"},
           routing.capacity_factor, {.min = 0, .max = 1000});
  r.boolean({"pad_to_capacity", "experts work on their full capacity"}, routing.pad_to_capacity);
  r.number({"imbalance", "tokens of the busiest expert rank over the mean"}, routing.imbalance,
           {.min = 1, .max = 1000});
  r.boolean({"strided", "expert ranks stand a replica group apart"}, routing.strided);
}

bool has_two_chunks(PipelineSchedule schedule) {
  using enum PipelineSchedule;
  return schedule == kDualPipeV || schedule == kDualPipe || schedule == kZeroBubbleV;
}

// Far above any machine, far below overflow: TP x PP x DP of the largest values is 2^60.
constexpr std::int64_t kMostRanks = 1 << 20;
constexpr IntegerRange kDegree = {.min = 1, .max = kMostRanks};

void bind_parallelism(PlanSpec& plan, SpecReader& r) {
  r.integer({"tensor_parallel", "ranks that share each layer's matrices"}, plan.tensor_parallel, kDegree);
  r.integer({"tensor_y",
             "2D tensor parallelism: matrices are split tensor_parallel / tensor_y ways by output and so many "
             "ways by input"},
            plan.tensor_y, kDegree);
  r.boolean({"sequence_parallel", "shard the sequence between matrix products; without effect at tensor_parallel 1"},
            plan.sequence_parallel);
  r.integer({"context_parallel", "ranks that share each sequence"}, plan.context_parallel, kDegree);
  r.object({"context", "how context-parallel ranks exchange tokens"},
           [&](SpecReader& inner) { bind_context(plan.context, inner); });
  r.integer({"pipeline_parallel", "stages the layers are spread over"}, plan.pipeline_parallel, kDegree);
  r.integer({"virtual_stages", "model chunks per stage; more than 1 interleaves the schedule"}, plan.virtual_stages,
            {.min = 1, .max = 1024});
  if (plan.virtual_stages > 1) plan.schedule = PipelineSchedule::kInterleaved;
  r.choice<PipelineSchedule>({"schedule", "order of the passes; interleaved when virtual_stages is above 1"},
                             plan.schedule, kSchedules);
  if (has_two_chunks(plan.schedule) && !r.has("virtual_stages")) plan.virtual_stages = 2;
  r.integer({"expert_parallel", "ranks the routed experts are spread over, inside tensor x context x data parallelism"},
            plan.expert_parallel, kDegree);
  r.integer({"expert_tensor_parallel", "ranks that share the matrices of one expert"}, plan.expert_tensor_parallel,
            kDegree);
  r.object({"routing", "how tokens reach the experts"}, [&](SpecReader& inner) { bind_routing(plan.routing, inner); });
  r.integer({"data_parallel", "replicas of the model; 0 takes what the ranks leave"}, plan.data_parallel,
            {.min = 0, .max = kMostRanks});
  r.integer(
      {"zero_stage",
       "0 replicates the optimizer, 1 shards it over the replicas, 2 shards gradients too and reduces them after every "
       "micro-batch, 3 shards parameters too and gathers them for every pass (FSDP)"},
      plan.zero_stage, {.min = 0, .max = 3});
  r.integer({"shard_group", "replicas that share one copy of the sharded states (HSDP); 0 = all"}, plan.shard_group,
            {.min = 0, .max = kMostRanks});
  r.boolean({"reshard_after_forward", "zero_stage 3: drop gathered parameters behind the forward pass"},
            plan.reshard_after_forward);
}

void bind_recompute(RecomputeSpec& recomputed, SpecReader& r) {
  r.choices<RecomputeModule>({"modules", "what selective recomputation makes again; empty: what is cheap to make"},
                             recomputed.modules, kModules);
  r.integer({"block", "full: recompute only so many leading layers of each piece; 0 = all"}, recomputed.block,
            {.min = 0, .max = 10'000});
  r.integer({"group", "full: layers between two checkpoints"}, recomputed.group, {.min = 1, .max = 10'000});
}

void bind_optimizer(OptimizerSpec& optimizer, SpecReader& r) {
  using enum Precision;
  r.choice<OptimizerKind>({"kind", "the update rule"}, optimizer.kind, kOptimizers);
  read_precision(r, {"master", "master weights; bf16: none apart from the weights"}, optimizer.master,
                 {kFp32, kBf16, kFp16});
  r.boolean({"split_master", "the weight is the master weight's upper half, only the lower half stands apart"},
            optimizer.split_master);
  read_precision(r, {"moment", "moments of the update rule"}, optimizer.moment, {kFp32, kBf16, kFp16, kFp8, kInt8});
}

void bind_offload(OffloadSpec& offload, SpecReader& r) {
  r.number({"activations", "share of the kept activations swapped to host memory"}, offload.activations,
           {.min = 0, .max = 1});
  r.number({"optimizer", "share of the optimizer's states kept in host memory"}, offload.optimizer,
           {.min = 0, .max = 1});
  r.boolean({"overlap", "swap activations under computation"}, offload.overlap);
}

void bind_fusion(FusionSpec& fused, SpecReader& r) {
  r.boolean({"norm", "a norm is one kernel"}, fused.norm);
  r.boolean({"rope", "a rotation is one kernel"}, fused.rope);
  r.boolean({"activation", "a gated activation is one kernel"}, fused.activation);
  r.boolean({"weight_gradient", "weight-gradient products add into the gradient buffer"}, fused.weight_gradient);
  r.boolean({"experts", "the products of a rank's experts are one grouped product"}, fused.experts);
  r.boolean({"routing", "choosing experts and ordering rows by them are a kernel each"}, fused.routing);
}

void bind_launch(LaunchSpec& launch, SpecReader& r) {
  r.choice<GraphScope>({"graphs", "what CUDA graphs launch: nothing, what does not hang on the router, or all passes"},
                       launch.graphs, kGraphs);
  r.boolean({"experts_apart", "the host launches each expert's product by itself"}, launch.experts_apart);
  r.integer({"for_peer", "launches more that a collective takes for each other rank of its group"}, launch.for_peer,
            {.min = 0, .max = 1000});
  r.integer({"for_message", "launches more that a pass takes for its messages between stages"}, launch.for_message,
            {.min = 0, .max = 1'000'000});
}

void bind_lora(LoraSpec& lora, SpecReader& r) {
  r.integer({"rank", "width of the adapters; 0 trains all weights"}, lora.rank, {.min = 0, .max = 1 << 16});
  r.boolean({"attention_only", "adapters on the attention projections only"}, lora.attention_only);
}

}  // namespace

std::string_view to_string(PipelineSchedule schedule) { return name_of(schedule, kSchedules); }
std::string_view to_string(Recompute recompute) { return name_of(recompute, kRecomputes); }
std::string_view to_string(RecomputeModule module) { return name_of(module, kModules); }
std::string_view to_string(TokenDispatcher dispatcher) { return name_of(dispatcher, kDispatchers); }
std::string_view to_string(ContextKind kind) { return name_of(kind, kContexts); }
std::string_view to_string(OptimizerKind kind) { return name_of(kind, kOptimizers); }
std::string_view to_string(TrainingStack stack) { return name_of(stack, kStacks); }

void bind(PlanSpec& plan, SpecReader& r) {
  bind_parallelism(plan, r);
  r.boolean({"balance_embedding",
             "count embedding, head and MTP modules as one layer each when splitting layers over stages"},
            plan.balance_embedding);
  r.boolean({"uneven_stages", "allow stages whose numbers of layers differ by one"}, plan.uneven_stages);
  r.integers({"stage_layers", "layers of each piece of the model, first to last; instead of an even split"},
             plan.stage_layers, {.min = 0, .max = 10'000});
  r.choice<Recompute>({"recompute", "activations computed again in the backward pass"}, plan.recompute, kRecomputes);
  r.object({"recomputed", "what recomputation covers"},
           [&](SpecReader& inner) { bind_recompute(plan.recomputed, inner); });
  r.object({"offload", "states moved to host memory"}, [&](SpecReader& inner) { bind_offload(plan.offload, inner); });
  r.object({"optimizer", "update rule and its states"},
           [&](SpecReader& inner) { bind_optimizer(plan.optimizer, inner); });
  r.object({"lora", "low-rank adapters beside frozen matrices"},
           [&](SpecReader& inner) { bind_lora(plan.lora, inner); });
  r.choice<TrainingStack>({"stack", "the training software, for the tensors it holds beside those all must hold"},
                          plan.stack, kStacks);
  r.object({"fused", "chains of small operations that run as one kernel"},
           [&](SpecReader& inner) { bind_fusion(plan.fused, inner); });
  r.object({"launch", "how the host launches kernels"}, [&](SpecReader& inner) { bind_launch(plan.launch, inner); });
  r.boolean({"fp8_attention", "attention multiplies fp8 operands"}, plan.fp8_attention);
  r.boolean({"flash_attention", "attention keeps no scores; false stores them"}, plan.flash_attention);
  r.choice<AttentionLibrary>({"attention_library", "whose flash attention: the chip's own, FlashAttention-2, Triton's"},
                             plan.attention_library, kAttentionLibraries);
  r.boolean({"dropout", "of attention probabilities and of both branches of a layer"}, plan.dropout);
  r.boolean({"fused_loss", "cross entropy without an fp32 copy of the logits"}, plan.fused_loss);
  r.integer({"micro_batch", "sequences of one micro-batch"}, plan.micro_batch, {.min = 1, .max = 1 << 20});
  r.integer({"global_batch", "sequences of one step over all replicas", kRequired}, plan.global_batch,
            {.min = 1, .max = 1 << 24});
  r.integer({"sequence_length", "tokens of a sequence", kRequired}, plan.sequence_length, {.min = 1, .max = 1 << 27});
  r.integer({"document_length", "packing: mean tokens of a document, attention stays inside it; 0 = sequence_length"},
            plan.document_length, {.min = 0, .max = 1 << 27});
  r.object({"precision", "number formats"}, [&](SpecReader& inner) { bind_precision(plan, inner); });
  r.object({"overlap", "communication that runs under computation"},
           [&](SpecReader& inner) { bind_overlap(plan.overlap, inner); });
}

}  // namespace supernode
