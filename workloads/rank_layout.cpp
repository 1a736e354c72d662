#include "workloads/rank_layout.hpp"

#include <cassert>

namespace supernode {

namespace {

std::vector<DeviceId> strided(std::int64_t first, std::int64_t stride, std::int64_t count) {
  std::vector<DeviceId> members;
  for (std::int64_t i = 0; i < count; ++i) members.emplace_back(first + i * stride);
  return members;
}

// Under kDualPipe stage s and its mirror PP-1-s hold the same two pieces: replicas stand on both.
std::vector<DeviceId> with_mirror(const PlanSpec& plan, std::vector<DeviceId> members, std::int64_t stage) {
  const std::int64_t mirror = plan.pipeline_parallel - 1 - stage;
  if (chain_count(plan) == 1 || mirror == stage) return members;
  const std::int64_t offset = (mirror - stage) * plan.stage_ranks();
  const std::size_t own = members.size();
  for (std::size_t i = 0; i < own; ++i) members.emplace_back(members[i].index + offset);
  return members;
}

// Is piece `index` one of the `light` lighter ones, counted last, first, last but one, second, …?
bool is_light(std::int64_t index, std::int64_t pieces, std::int64_t light) {
  const std::int64_t from_back = (light + 1) / 2, from_front = light / 2;
  return index < from_front || index >= pieces - from_back;
}

// Layers of piece `index` of a chain.
std::int64_t piece_layers(const PlanSpec& plan, const ModelSpec& model, std::int64_t index) {
  if (!plan.stage_layers.empty()) return plan.stage_layers[static_cast<std::size_t>(index)];
  const std::int64_t pieces = chain_length(plan);
  const std::int64_t split = layers_to_split(plan, model), heavy = split % pieces;
  std::int64_t count = split / pieces;
  if (heavy > 0 && !is_light(index, pieces, pieces - heavy)) ++count;
  if (plan.balance_embedding) count -= (index == 0 ? 1 : 0) + (index == pieces - 1 ? 1 + model.mtp_layers : 0);
  return count;
}

// The dense ranks of a stage: first rank `first`, TP apart.
std::vector<DeviceId> dense_group(const PlanSpec& plan, GroupKind kind, std::int64_t first, std::int64_t stage) {
  const std::int64_t tp = plan.tensor_parallel, cp = plan.context_parallel, shards = plan.shards();
  switch (kind) {
    case GroupKind::kTensor:
      return strided(first, 1, tp);
    case GroupKind::kTensorX:
      return strided(first, 1, tp / plan.tensor_y);
    case GroupKind::kTensorY:
      return strided(first, tp / plan.tensor_y, plan.tensor_y);
    case GroupKind::kContext:
      return strided(first, tp, cp);
    case GroupKind::kUlysses:
      return strided(first, tp, ulysses_degree(plan));
    case GroupKind::kRing:
      return strided(first, tp * ulysses_degree(plan), cp / ulysses_degree(plan));
    case GroupKind::kDataShard:
      if (plan.shard_group > 0) return strided(first, tp, shards);
      [[fallthrough]];
    case GroupKind::kData:
      return with_mirror(plan, strided(first, tp, plan.replicas()), stage);
    default:  // kDataReplica
      if (plan.shard_group == 0) return strided(first, 1, 1);
      return with_mirror(plan, strided(first, tp * shards, plan.replicas() / shards), stage);
  }
}

// The expert ranks of a stage: ETP fastest, then EP, then replicas; strided placement swaps the last two.
std::vector<DeviceId> expert_group(const PlanSpec& plan, GroupKind kind, std::int64_t first, std::int64_t stage) {
  const std::int64_t etp = plan.expert_tensor_parallel, ep = plan.expert_parallel, replicas = plan.expert_replicas();
  const std::int64_t expert_stride = etp * (plan.routing.strided ? replicas : 1);
  const std::int64_t replica_stride = etp * (plan.routing.strided ? 1 : ep);
  const std::int64_t shards = plan.expert_shards();
  switch (kind) {
    case GroupKind::kExpert:
      return strided(first, expert_stride, ep);
    case GroupKind::kExpertTensor:
      return strided(first, 1, etp);
    case GroupKind::kExpertShard:
      if (shards < replicas) return strided(first, replica_stride, shards);
      [[fallthrough]];
    case GroupKind::kExpertData:
      return with_mirror(plan, strided(first, replica_stride, replicas), stage);
    default:  // kExpertReplica
      if (shards == replicas) return strided(first, 1, 1);
      return with_mirror(plan, strided(first, replica_stride * shards, replicas / shards), stage);
  }
}

}  // namespace

std::int64_t ulysses_degree(const PlanSpec& plan) {
  if (plan.context.kind == ContextKind::kUlysses) return plan.context_parallel;
  return plan.context.kind == ContextKind::kHybrid ? plan.context.ulysses : 1;
}

std::vector<DeviceId> group_members(const PlanSpec& plan, GroupKind kind, std::int64_t stage) {
  assert(plan.data_parallel > 0 && stage >= 0 && stage < plan.pipeline_parallel);
  const std::int64_t ranks = plan.stage_ranks(), first = ranks * stage;
  switch (kind) {
    case GroupKind::kExpert:
    case GroupKind::kExpertTensor:
    case GroupKind::kExpertData:
    case GroupKind::kExpertShard:
    case GroupKind::kExpertReplica:
      return expert_group(plan, kind, first, stage);
    case GroupKind::kPipelineNext: {
      const std::int64_t next = (stage + 1) % plan.pipeline_parallel;
      return {DeviceId(first), DeviceId(ranks * next)};
    }
    case GroupKind::kEmbedding:
      if (has_head(plan, 0)) return {DeviceId(0)};
      return {DeviceId(0), DeviceId(ranks * (plan.pipeline_parallel - 1))};
    default:
      return dense_group(plan, kind, first, stage);
  }
}

// The first group is every stride-th of the stage's ranks, n of them; so is each other, shifted by less than a stride
// or by whole runs of n strides. Its members of other stages are shifted alike.
std::vector<std::vector<DeviceId>> all_groups(const PlanSpec& plan, GroupKind kind, std::int64_t stage) {
  const std::vector<DeviceId> first = group_members(plan, kind, stage);
  const std::int64_t ranks = plan.stage_ranks(), origin = first.front().index;
  std::int64_t count = 0;
  for (const DeviceId member : first) count += member.index / ranks == origin / ranks ? 1 : 0;
  const std::int64_t stride = count > 1 ? first[1].index - origin : 1;
  std::vector<std::vector<DeviceId>> groups;
  for (std::int64_t shift = 0; shift < ranks; ++shift) {
    if (shift / stride % count != 0) continue;
    std::vector<DeviceId>& group = groups.emplace_back(first);
    for (DeviceId& member : group) member = DeviceId(member.index + shift);
  }
  return groups;
}

std::int64_t piece_count(const PlanSpec& plan) { return plan.pipeline_parallel * plan.virtual_stages; }

std::int64_t chain_count(const PlanSpec& plan) { return plan.schedule == PipelineSchedule::kDualPipe ? 2 : 1; }

std::int64_t chain_length(const PlanSpec& plan) { return piece_count(plan) / chain_count(plan); }

std::int64_t chain_microbatches(const PlanSpec& plan) { return plan.microbatches() / chain_count(plan); }

bool is_v_shaped(const PlanSpec& plan) {
  return plan.schedule == PipelineSchedule::kDualPipeV || plan.schedule == PipelineSchedule::kZeroBubbleV;
}

std::int64_t piece_of(const PlanSpec& plan, std::int64_t stage, std::int64_t chunk) {
  const bool backwards = is_v_shaped(plan) || chain_count(plan) == 2;
  if (backwards && chunk == 1) return 2 * plan.pipeline_parallel - 1 - stage;
  return chunk * plan.pipeline_parallel + stage;
}

bool begins_chain(const PlanSpec& plan, std::int64_t piece) { return piece % chain_length(plan) == 0; }

bool ends_chain(const PlanSpec& plan, std::int64_t piece) {
  return piece % chain_length(plan) == chain_length(plan) - 1;
}

bool has_embedding(const PlanSpec& plan, std::int64_t stage) {
  for (std::int64_t chunk = 0; chunk < plan.virtual_stages; ++chunk) {
    if (begins_chain(plan, piece_of(plan, stage, chunk))) return true;
  }
  return false;
}

bool has_head(const PlanSpec& plan, std::int64_t stage) {
  for (std::int64_t chunk = 0; chunk < plan.virtual_stages; ++chunk) {
    if (ends_chain(plan, piece_of(plan, stage, chunk))) return true;
  }
  return false;
}

std::int64_t layers_to_split(const PlanSpec& plan, const ModelSpec& model) {
  return model.layers + (plan.balance_embedding ? 2 + model.mtp_layers : 0);
}

std::int64_t padded_vocab(const ModelSpec& model, const PlanSpec& plan) {
  const std::int64_t tp = plan.tensor_parallel;
  return (model.vocab + tp - 1) / tp * tp;
}

LayerRange layers_of(const PlanSpec& plan, const ModelSpec& model, std::int64_t stage, std::int64_t chunk) {
  assert(stage < plan.pipeline_parallel && chunk < plan.virtual_stages);
  const std::int64_t index = piece_of(plan, stage, chunk) % chain_length(plan);
  LayerRange range;
  for (std::int64_t i = 0; i < index; ++i) range.first += piece_layers(plan, model, i);
  range.last = range.first + piece_layers(plan, model, index);
  assert(range.first <= range.last);
  return range;
}

}  // namespace supernode
