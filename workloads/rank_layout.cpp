// Which ranks form a group, and which layers stand on which stage.

#include <cassert>

#include "workloads/plan_spec.hpp"

namespace supernode {

namespace {

std::vector<DeviceId> strided(std::int64_t first, std::int64_t stride, std::int64_t count) {
  std::vector<DeviceId> members;
  for (std::int64_t i = 0; i < count; ++i) members.emplace_back(first + i * stride);
  return members;
}

// Is piece `index` one of the `light` lighter ones, counted last, first, last but one, second, …?
bool is_light(std::int64_t index, std::int64_t pieces, std::int64_t light) {
  const std::int64_t from_back = (light + 1) / 2, from_front = light / 2;
  return index < from_front || index >= pieces - from_back;
}

// Layers of piece `index` of the model.
std::int64_t piece_layers(const PlanSpec& plan, const ModelSpec& model, std::int64_t index) {
  const std::int64_t pieces = piece_count(plan);
  const std::int64_t split = layers_to_split(plan, model), heavy = split % pieces;
  std::int64_t count = split / pieces;
  if (heavy > 0 && !is_light(index, pieces, pieces - heavy)) ++count;
  if (plan.balance_embedding) count -= (index == 0 ? 1 : 0) + (index == pieces - 1 ? 1 + model.mtp_layers : 0);
  return count;
}

}  // namespace

std::vector<DeviceId> group_members(const PlanSpec& plan, GroupKind kind, std::int64_t stage) {
  assert(plan.data_parallel > 0 && stage >= 0 && stage < plan.pipeline_parallel);
  const std::int64_t replica_ranks = plan.tensor_parallel * plan.data_parallel;  // of one stage
  const std::int64_t first = replica_ranks * stage;
  switch (kind) {
    case GroupKind::kTensor:
      return strided(first, 1, plan.tensor_parallel);
    case GroupKind::kData:
      return strided(first, plan.tensor_parallel, plan.data_parallel);
    case GroupKind::kExpert:
      return strided(first, 1, plan.expert_parallel);
    case GroupKind::kExpertData:
      return strided(first, plan.expert_parallel, plan.expert_replicas());
    case GroupKind::kPipelineNext: {
      const std::int64_t next = (stage + 1) % plan.pipeline_parallel;
      return {DeviceId(first), DeviceId(replica_ranks * next)};
    }
    case GroupKind::kEmbedding:
      if (head_stage(plan) == 0) return {DeviceId(0)};
      return {DeviceId(0), DeviceId(replica_ranks * head_stage(plan))};
  }
  assert(false);
  return {};
}

std::int64_t piece_count(const PlanSpec& plan) { return plan.pipeline_parallel * plan.virtual_stages; }

std::int64_t piece_of(const PlanSpec& plan, std::int64_t stage, std::int64_t chunk) {
  if (plan.schedule == PipelineSchedule::kDualPipeV && chunk == 1) return piece_count(plan) - 1 - stage;
  return chunk * plan.pipeline_parallel + stage;
}

std::int64_t head_stage(const PlanSpec& plan) {
  return plan.schedule == PipelineSchedule::kDualPipeV ? 0 : plan.pipeline_parallel - 1;
}

std::int64_t layers_to_split(const PlanSpec& plan, const ModelSpec& model) {
  return model.layers + (plan.balance_embedding ? 2 + model.mtp_layers : 0);
}

LayerRange layers_of(const PlanSpec& plan, const ModelSpec& model, std::int64_t stage, std::int64_t chunk) {
  assert(stage < plan.pipeline_parallel && chunk < plan.virtual_stages);
  const std::int64_t index = piece_of(plan, stage, chunk);
  LayerRange range;
  for (std::int64_t i = 0; i < index; ++i) range.first += piece_layers(plan, model, i);
  range.last = range.first + piece_layers(plan, model, index);
  assert(range.first <= range.last);
  return range;
}

}  // namespace supernode
