#pragma once
// How a model is laid out over ranks, and the batch it trains on. A rank runs on one device.
//
// Rank order (Megatron's): tensor fastest, then context, then data, pipeline slowest:
//   rank = t + TP·(c + CP·(d + DP·p)).   Expert parallelism lives inside DP×CP: EP consecutive of its DP·CP ranks
// (expert tensor parallelism is 1: with TP > 1 an expert group spans TP·CP·DP ranks, EP·consecutive ranks of it).

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/precision.hpp"
#include "base/spec_reader.hpp"
#include "workloads/model_spec.hpp"

namespace supernode {

enum class PipelineSchedule { kOneForwardOneBackward, kInterleaved, kDualPipeV };
enum class Recompute { kNone, kSelective, kFull };
// kSelective recomputes attention cores without flash (nothing to do with flash), norms, activations and, for MLA, the
// up-projections, as Megatron's `--recompute-granularity selective` with modules; see docs/models/memory.md.

// As a scenario writes them: "1f1b", "interleaved", "dualpipev"; "none", "selective", "full".
std::string_view to_string(PipelineSchedule schedule);
std::string_view to_string(Recompute recompute);

struct OverlapSpec {
  bool grad_reduce = true;   // DP reduce-scatter under the last backward passes
  bool param_gather = true;  // ZeRO-1 all-gather under the first forward passes
  bool tensor = false;       // TP all-gather/reduce-scatter in chunks under their matrix products
  bool expert = false;       // EP dispatch/combine of one micro-batch under the computation of another
  bool pipeline = true;      // p2p sends do not block the sender
};

struct PlanSpec {
  std::int64_t tensor_parallel = 1;
  bool sequence_parallel = true;  // only with tensor_parallel > 1
  std::int64_t pipeline_parallel = 1;
  std::int64_t virtual_stages = 1;  // model chunks per pipeline rank; > 1 needs kInterleaved; kDualPipeV has 2
  PipelineSchedule schedule = PipelineSchedule::kOneForwardOneBackward;
  std::int64_t expert_parallel = 1;
  std::int64_t data_parallel = 0;  // 0 = ranks / (TP·PP)
  std::int64_t zero_stage = 1;     // 0, 1, or 2 (gradients sharded, so reduced after every micro-batch)
  Recompute recompute = Recompute::kNone;
  std::int64_t micro_batch = 1;             // sequences
  std::int64_t global_batch = 0;            // sequences
  std::int64_t sequence_length = 0;         // tokens
  Precision compute = Precision::kBf16;     // of the matrix products
  Precision gradient = Precision::kFp32;    // of the gradient buffer
  Precision reduce = Precision::kFp32;      // of the gradient all-reduce / reduce-scatter
  Precision dispatch = Precision::kBf16;    // of the EP dispatch payload
  Precision activation = Precision::kBf16;  // of the kept inputs of activation functions (DeepSeek-V3: fp8)
  // The layers are split evenly over the PP·VP pieces of the model. Embedding, head and each MTP module count as one
  // layer when balance_embedding is set (Megatron's --account-for-embedding-in-pipeline-split and its loss
  // counterpart). A split that does not come out even is an error unless uneven_stages is set; layers_of states the
  // rule.
  bool balance_embedding = false;
  bool uneven_stages = false;
  OverlapSpec overlap;

  std::int64_t ranks() const { return tensor_parallel * pipeline_parallel * data_parallel; }
  std::int64_t expert_replicas() const { return tensor_parallel * data_parallel / expert_parallel; }  // of each expert
  std::int64_t microbatches() const { return global_batch / (micro_batch * data_parallel); }
};

void bind(PlanSpec& plan, SpecReader& reader);

// Fills data_parallel from `ranks` and checks the plan against the model: TP·PP·DP = ranks, heads, kv_heads, hidden,
// vocab and ffn divisible by TP, layers by pieces (or uneven_stages), experts by EP, EP divides DP·TP ranks, batch by
// micro_batch·DP, interleaving's microbatches by PP. Each problem is reported at its key's position with the nearest
// legal values.
void check_plan(PlanSpec& plan, const ModelSpec& model, std::int64_t ranks, SpecReader& reader);

enum class GroupKind { kTensor, kData, kExpert, kExpertData, kPipelineNext, kEmbedding };

// The ranks of the group of `kind` that holds the first rank of pipeline stage `stage` (kPipelineNext: that rank and
// its peer in the next stage, wrapping; kEmbedding: first and last stage). Rank r runs on device r.
std::vector<DeviceId> group_members(const PlanSpec& plan, GroupKind kind, std::int64_t stage);

// What the split over stages counts: the layers, and embedding, head and MTP modules when balance_embedding is set.
std::int64_t layers_to_split(const PlanSpec& plan, const ModelSpec& model);

// The model is cut into PP·VP pieces, one a chunk of a stage. 1F1B and interleaved: chunk v of stage s is piece v·PP +
// s. DualPipeV: a V; chunk 0 of stage s is piece s, chunk 1 is piece 2·PP - 1 - s, so that stage 0 has both ends.
std::int64_t piece_count(const PlanSpec& plan);
std::int64_t piece_of(const PlanSpec& plan, std::int64_t stage, std::int64_t chunk);
// The stage of the last piece, which holds the head (and MTP modules); the first piece is on stage 0.
std::int64_t head_stage(const PlanSpec& plan);

// Layers of chunk `chunk` (0 … virtual_stages-1) of stage `stage`: [first, last). Chunk v of stage s is the
// (v·PP + s)-th of the model's PP·VP pieces. Each piece gets floor(layers_to_split / pieces) and the remainder goes to
// the heavier pieces, one each; the lighter ones are taken from the back and the front in turn (last, first, last but
// one, second, …), beside the head with its MTP modules and the embedding. MTP modules stand behind the last layer.
struct LayerRange {
  std::int64_t first = 0, last = 0;
};
LayerRange layers_of(const PlanSpec& plan, const ModelSpec& model, std::int64_t stage, std::int64_t chunk);

}  // namespace supernode
