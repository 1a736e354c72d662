#pragma once
// Which ranks form a group, and which layers stand on which stage.

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "workloads/plan_spec.hpp"

namespace supernode {

enum class GroupKind {
  kTensor,
  kTensorX,        // 2D TP: ranks that split the output columns
  kTensorY,        // 2D TP: ranks that split the input rows
  kContext,        // all CP ranks
  kUlysses,        // side by side inside kContext
  kRing,           // one rank of each Ulysses group
  kData,           // DP·CP: all that hold the same dense parameters
  kDataShard,      // HSDP: the ranks that share one copy of the states; = kData without
  kDataReplica,    // HSDP: the ranks that hold the same shard
  kExpert,         // EP
  kExpertTensor,   // ETP
  kExpertData,     // the ranks that hold the same experts
  kExpertShard,    // as kDataShard, of expert parameters
  kExpertReplica,  // as kDataReplica, of expert parameters
  kPipelineNext,
  kEmbedding
};

// The ranks of the group of `kind` that holds the first rank of pipeline stage `stage` (kPipelineNext: that rank and
// its peer in the next stage, wrapping; kEmbedding: first and last stage). Rank r runs on device r. Under kDualPipe the
// groups of dense and expert replicas hold the ranks of the mirror stage too.
std::vector<DeviceId> group_members(const PlanSpec& plan, GroupKind kind, std::int64_t stage);
// All groups of the kind that hold a rank of the stage; the first is the one above.
std::vector<std::vector<DeviceId>> all_groups(const PlanSpec& plan, GroupKind kind, std::int64_t stage);

// Ranks of one Ulysses group: CP for kUlysses, ContextSpec::ulysses for kHybrid, else 1.
std::int64_t ulysses_degree(const PlanSpec& plan);

// What the split over stages counts: the layers, and embedding, head and MTP modules when balance_embedding is set.
std::int64_t layers_to_split(const PlanSpec& plan, const ModelSpec& model);

// Rows of the embedding table and columns of the head as they are laid out: a vocabulary that does not divide by TP is
// padded to the next multiple (Megatron pads likewise, to a multiple of 128·TP).
std::int64_t padded_vocab(const ModelSpec& model, const PlanSpec& plan);

// The model is cut into pieces, one a chunk of a stage. 1F1B and interleaved: chunk v of stage s is piece v·PP + s.
// kDualPipeV and kZeroBubbleV: a V; chunk 0 of stage s is piece s, chunk 1 is piece 2·PP - 1 - s, so that stage 0 has
// both ends. kDualPipe holds the model twice, the second copy backwards (arXiv 2412.19437, section 3.2.1): chunk 0 of
// stage s is piece s, chunk 1 is piece PP + (PP - 1 - s), which has the layers of piece PP - 1 - s. A micro-batch goes
// through one chain: pieces 0 … PP-1 or PP … 2·PP-1, half of the micro-batches each.
std::int64_t piece_count(const PlanSpec& plan);         // of all chains: PP·VP
std::int64_t chain_count(const PlanSpec& plan);         // 2 for kDualPipe, else 1
std::int64_t chain_length(const PlanSpec& plan);        // pieces of one chain
std::int64_t chain_microbatches(const PlanSpec& plan);  // micro-batches that go through one chain
std::int64_t piece_of(const PlanSpec& plan, std::int64_t stage, std::int64_t chunk);
bool is_v_shaped(const PlanSpec& plan);
bool begins_chain(const PlanSpec& plan, std::int64_t piece);  // holds the embedding
bool ends_chain(const PlanSpec& plan, std::int64_t piece);    // holds the head (and MTP modules)
// Does a chunk of this stage hold the embedding; the head?
bool has_embedding(const PlanSpec& plan, std::int64_t stage);
bool has_head(const PlanSpec& plan, std::int64_t stage);

// Layers of chunk `chunk` (0 … virtual_stages-1) of stage `stage`: [first, last). Each piece gets floor(layers_to_split
// / pieces) and the remainder goes to the heavier pieces, one each; the lighter ones are taken from the back and the
// front in turn (last, first, last but one, second, …), beside the head with its MTP modules and the embedding. MTP
// modules stand behind the last layer.
struct LayerRange {
  std::int64_t first = 0, last = 0;
};
LayerRange layers_of(const PlanSpec& plan, const ModelSpec& model, std::int64_t stage, std::int64_t chunk);

}  // namespace supernode
