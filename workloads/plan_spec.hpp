#pragma once
// How a model is laid out over ranks, and the batch it trains on. A rank runs on one device.
//
// Rank order (Megatron's): tensor fastest, then context, then data, pipeline slowest:
//   rank = t + TP·(c + CP·(d + DP·p)).
// Expert parallelism folds the TP·CP·DP ranks of a stage anew: expert tensor fastest, then expert, then the replicas of
// the experts: rank = et + ETP·(e + EP·r).

#include <cstdint>
#include <string>
#include <vector>

#include "base/kernel.hpp"
#include "base/precision.hpp"
#include "base/spec_reader.hpp"
#include "workloads/model_spec.hpp"
#include "workloads/plan_parts.hpp"

namespace supernode {

struct PlanSpec {
  std::int64_t tensor_parallel = 1;
  std::int64_t tensor_y = 1;  // 2D tensor parallelism: TP = x·y, matrices split x ways by output and y ways by input
  bool sequence_parallel = true;  // only with tensor_parallel > 1
  std::int64_t context_parallel = 1;
  ContextSpec context;
  std::int64_t pipeline_parallel = 1;
  std::int64_t virtual_stages = 1;  // model chunks per pipeline rank; > 1 needs kInterleaved; V and dual schedules: 2
  PipelineSchedule schedule = PipelineSchedule::kOneForwardOneBackward;
  std::int64_t expert_parallel = 1;
  std::int64_t expert_tensor_parallel = 1;
  RoutingSpec routing;
  std::int64_t data_parallel = 0;  // 0 = ranks / (TP·CP·PP)
  // 0, 1, 2 (gradients sharded, so reduced after every micro-batch), 3 (parameters too: FSDP; gathered for every pass)
  std::int64_t zero_stage = 1;
  std::int64_t shard_group = 0;  // HSDP: states are sharded over so many of the DP·CP ranks and replicated over the
                                 // rest; 0 = over all
  bool reshard_after_forward = true;  // of ZeRO-3: parameters are dropped behind the forward pass and gathered again
  Recompute recompute = Recompute::kNone;
  RecomputeSpec recomputed;
  OffloadSpec offload;
  OptimizerSpec optimizer;
  LoraSpec lora;
  TrainingStack stack = TrainingStack::kMegatron;
  FusionSpec fused;
  LaunchSpec launch;
  bool flash_attention = true;              // false: scores are stored, their softmax is vector work
  bool fp8_attention = false;               // products of scores and values on fp8 operands
  AttentionLibrary attention_library = AttentionLibrary::kNative;  // of flash attention
  bool dropout = false;                     // of attention probabilities and of both branches of a layer
  bool fused_loss = false;                  // cross entropy in chunks or fused: no fp32 copy of the logits
  std::int64_t micro_batch = 1;             // sequences
  std::int64_t global_batch = 0;            // sequences
  std::int64_t sequence_length = 0;         // tokens
  std::int64_t document_length = 0;         // packing: mean tokens of a document, attention stays inside it; 0 = whole
  Precision compute = Precision::kBf16;     // of the matrix products
  Precision parameter = Precision::kBf16;   // weights as held (and gathered, unless quantised for it)
  Precision gather = Precision::kBf16;      // parameters on the wire; fp8: quantised before the gather
  bool narrow_weights = false;              // matrices are held quantised alone, whatever format is gathered
  Precision gradient = Precision::kFp32;    // of the gradient buffer
  Precision reduce = Precision::kFp32;      // of the gradient all-reduce / reduce-scatter
  Precision dispatch = Precision::kBf16;    // of the EP dispatch payload
  Precision combine = Precision::kBf16;     // of the EP combine payload
  Precision router = Precision::kFp32;      // of the product that scores the experts
  Precision activation = Precision::kBf16;  // of the kept inputs of activation functions (DeepSeek-V3: fp8)
  // The layers are split evenly over the pieces of the model. Embedding, head and each MTP module count as one
  // layer when balance_embedding is set (Megatron's --account-for-embedding-in-pipeline-split and its loss
  // counterpart). A split that does not come out even is an error unless uneven_stages is set; layers_of states the
  // rule. `stage_layers` gives the layers of each piece in order instead (0 allowed: embedding or loss alone).
  bool balance_embedding = false;
  bool uneven_stages = false;
  std::vector<std::int64_t> stage_layers;
  OverlapSpec overlap;

  std::int64_t ranks() const { return tensor_parallel * context_parallel * pipeline_parallel * data_parallel; }
  std::int64_t stage_ranks() const { return tensor_parallel * context_parallel * data_parallel; }
  // Ranks that hold the same dense parameters, and so reduce their gradients: DP·CP.
  std::int64_t replicas() const { return data_parallel * context_parallel; }
  // Ranks that hold the same experts.
  std::int64_t expert_replicas() const { return stage_ranks() / (expert_parallel * expert_tensor_parallel); }
  // Ranks that dense and expert states are sharded over under ZeRO.
  std::int64_t shards() const { return shard_group > 0 ? shard_group : replicas(); }
  std::int64_t expert_shards() const {
    return shard_group > 0 && shard_group < expert_replicas() ? shard_group : expert_replicas();
  }
  std::int64_t local_sequence() const { return sequence_length / context_parallel; }
  std::int64_t microbatches() const { return global_batch / (micro_batch * data_parallel); }
};

// As a scenario writes them: "1f1b", "zb-h1", …; "none", "selective", "full"; "core_attention", …; "ring", …; "once",
// …; "adam", ….
std::string_view to_string(PipelineSchedule schedule);
std::string_view to_string(Recompute recompute);
std::string_view to_string(RecomputeModule module);
std::string_view to_string(ContextKind kind);
std::string_view to_string(TokenDispatcher dispatcher);
std::string_view to_string(OptimizerKind kind);
std::string_view to_string(TrainingStack stack);

void bind(PlanSpec& plan, SpecReader& reader);

// Fills data_parallel from `ranks` and checks the plan against the model (workloads/plan_check_*.cpp): TP·CP·PP·DP =
// ranks; heads, widths and tokens divisible by TP, sequences by CP, heads by Ulysses ranks; chunks, stages and
// micro-batches as the schedule needs them; layers by pieces (or uneven_stages, or stage_layers); experts by EP, and
// EP·ETP a divisor of the ranks of a stage; batch by micro_batch·DP; shard groups by replicas. The vocabulary need not
// divide by TP (padded_vocab), and a key-value head may stand on several ranks. Each problem is reported at its key's
// position with the nearest legal values.
void check_plan(PlanSpec& plan, const ModelSpec& model, std::int64_t ranks, SpecReader& reader);

}  // namespace supernode
