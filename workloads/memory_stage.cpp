#include "workloads/memory_stage.hpp"

#include <algorithm>

#include "base/numeric.hpp"
#include "workloads/pipeline_order.hpp"

namespace supernode {
namespace {

using namespace literals;

// Device context with the libraries' loaded kernels and workspaces; assumed (about 0.5 GiB of CUDA context with NCCL
// and cuBLAS modules, and PyTorch's 32 MiB cuBLAS workspace on Hopper).
constexpr Bytes kContext = 1_GiB;

// A communicator's transfer buffers: HCCL takes 2 × HCCL_BUFFSIZE, 200 MB by default (CANN 8.0, environment variable
// reference, HCCL_BUFFSIZE); NCCL's channels are assumed to take as much.
constexpr Bytes kCommunicator = 400_MB;

// Layers whose swapped activations are on the device: one on its way, one at work.
constexpr double kSwappedLayers = 2;

std::int64_t communicators(const ModelSpec& model, const PlanSpec& plan) {
  const bool moe = model.moe.experts > 0;
  return (plan.tensor_parallel > 1) + (plan.context_parallel > 1) + (plan.replicas() > 1) +
         (plan.pipeline_parallel > 1) + (plan.expert_parallel > 1) + (moe && plan.expert_replicas() > 1) +
         (moe && plan.expert_tensor_parallel > 1) +
         (plan.zero_stage > 0 && plan.shard_group > 0 && plan.shard_group < plan.replicas());
}

// The plan with so few micro-batches that its schedule is short but still reaches the same peak: warm-up never runs
// more than two rounds of PP micro-batches ahead per chunk. GPipe runs all forward passes first.
PlanSpec short_plan(const PlanSpec& plan) {
  PlanSpec shortened = plan;
  if (plan.schedule == PipelineSchedule::kGPipe) return shortened;
  const std::int64_t enough = std::min(plan.microbatches(), 4 * plan.pipeline_parallel);
  shortened.global_batch = enough * plan.micro_batch * plan.data_parallel;
  return shortened;
}

}  // namespace

StageEstimator::StageEstimator(const ModelSpec& model, const PlanSpec& plan)
    : model_(model),
      plan_(plan),
      stack_(stack_memory(plan.stack)),
      order_(pipeline_order(short_plan(plan))),
      boundary_(boundary_activation(model, plan)) {
  PlanSpec whole = plan;
  if (plan.recompute == Recompute::kFull) whole.recompute = Recompute::kNone;
  for (std::int64_t i = 0; i < model.layers; ++i) {
    const LayerForm form = model.layer_form(i);
    if (forms_.contains(form)) continue;
    forms_.emplace(form, FormMemory{layer_activations(model, plan, form), layer_activations(model, whole, form)});
  }
}

// Full recomputation: the leading `block` layers (0 = all) in groups, of which only the inputs stay; a group is made
// again as a whole. The rest keeps all.
void StageEstimator::add_recomputed(const LayerList& layers, ChunkMemory& chunk) const {
  const std::int64_t count = std::ssize(layers), block = plan_.recomputed.block;
  const std::int64_t remade = block > 0 ? std::min(block, count) : count;
  for (std::int64_t first = 0; first < remade; first += plan_.recomputed.group) {
    Bytes inside{}, working{};
    for (std::int64_t i = first; i < std::min(first + plan_.recomputed.group, remade); ++i) {
      inside += layers[static_cast<std::size_t>(i)]->whole.kept;
      working = max(working, layers[static_cast<std::size_t>(i)]->whole.temporary);
    }
    chunk.kept += boundary_;
    chunk.temporary = max(chunk.temporary, inside + working - boundary_);
  }
  for (std::int64_t i = remade; i < count; ++i) {
    chunk.kept += layers[static_cast<std::size_t>(i)]->whole.kept;
    chunk.temporary = max(chunk.temporary, layers[static_cast<std::size_t>(i)]->whole.temporary);
  }
}

// A share of what is kept stands in host memory, but for the layers on their way.
void StageEstimator::add_offload(const LayerList& layers, ChunkMemory& chunk) const {
  if (plan_.offload.activations == 0 || layers.empty()) return;
  const double here = std::min(1.0, kSwappedLayers / real(std::ssize(layers)));
  const Bytes swapped = plan_.offload.activations * chunk.kept;
  chunk.kept -= swapped;
  chunk.temporary += here * swapped;
}

ChunkMemory StageEstimator::chunk(std::int64_t stage, std::int64_t index) const {
  const LayerRange range = layers_of(plan_, model_, stage, index);
  LayerList layers;
  for (std::int64_t i = range.first; i < range.last; ++i) layers.push_back(&forms_.at(model_.layer_form(i)));
  ChunkMemory memory;
  memory.layers = real(std::ssize(layers));
  for (const FormMemory* layer : layers) memory.deferred += layer->as_planned.deferred;
  if (plan_.recompute == Recompute::kFull) {
    add_recomputed(layers, memory);
  } else {
    for (const FormMemory* layer : layers) {
      memory.kept += layer->as_planned.kept;
      memory.temporary = max(memory.temporary, layer->as_planned.temporary);
    }
  }
  add_offload(layers, memory);
  if (!ends_chain(plan_, piece_of(plan_, stage, index))) return memory;
  memory.kept += last_stage_kept(model_, plan_);
  memory.logits = logits_buffer(model_, plan_);
  return memory;
}

Bytes StageEstimator::permanent_buffers() const {
  const Bytes pipeline = plan_.pipeline_parallel > 1 ? 2 * boundary_ : Bytes();
  const bool gathers = plan_.tensor_parallel > 1 && plan_.sequence_parallel;
  return pipeline + (gathers ? real(stack_.gather_buffers) * partial_sum(model_, plan_) : Bytes());
}

// Two partial sums a layer, of attention and MLP, in the passes that run before the first backward pass.
Bytes StageEstimator::delayed(const StageWalk& walk) const {
  if (plan_.tensor_parallel > stack_.delayed_ranks || walk.passes == 0) return Bytes();
  const double ahead = walk.passes == 1 ? 1 : 1 - 1 / real(walk.passes);
  return stack_.delayed_reuse * ahead * walk.layers * 2 * partial_sum(model_, plan_);
}

// Between steps: what stays for the whole run.
MemoryParts StageEstimator::idle(const RankWeights& held) const {
  MemoryParts parts;
  add_model_states(plan_, held, parts);
  parts.buffers = permanent_buffers();
  parts.framework = kContext + real(communicators(model_, plan_)) * kCommunicator;
  return parts;
}

void StageEstimator::add_passes(const StageWalk& walk, const MemoryParts& idle, const TransientStates& states,
                                StageMemory& memory) const {
  const auto at = [&](const WalkMoment& moment, Bytes gradients) {
    MemoryParts parts = idle;
    parts.weights += states.gathered;
    parts.gradients += gradients;
    parts.activations = moment.activations;
    parts.buffers += moment.buffers;
    parts.framework += delayed(walk);
    return parts;
  };
  if (walk.forward) add(MemoryMoment::kForward, at(*walk.forward, Bytes()), memory);
  if (walk.loss) add(MemoryMoment::kLoss, at(*walk.loss, Bytes()), memory);
  if (!walk.backward || !walk.backward_end) return;
  const MemoryParts begin = at(*walk.backward, states.unreduced);
  const MemoryParts end = at(*walk.backward_end, states.unreduced + states.gradients);
  add(MemoryMoment::kBackward, end.total() > begin.total() ? end : begin, memory);
}

void StageEstimator::add(MemoryMoment moment, MemoryParts parts, StageMemory& memory) const {
  parts.framework += stack_.fragmentation * (parts.activations + parts.buffers);
  memory.timeline.push_back({moment, parts});
  if (parts.total() <= memory.total()) return;
  static_cast<MemoryParts&>(memory) = parts;
  memory.peak = moment;
}

StageMemory StageEstimator::estimate(std::int64_t stage) const {
  std::vector<ChunkMemory> chunks;
  for (std::int64_t i = 0; i < plan_.virtual_stages; ++i) chunks.push_back(chunk(stage, i));
  const StageWalk walk = walk_stage(order_[static_cast<std::size_t>(stage)], chunks);
  const RankWeights held = stage_weights(model_, plan_, stage);
  const TransientStates states = transient_states(model_, plan_, held, stage);
  const MemoryParts still = idle(held);
  MemoryParts reduce = still, update = still;
  reduce.gradients += states.gradients;
  reduce.buffers += states.reduced;
  update.buffers += states.update;

  StageMemory memory;
  memory.moments = moments_on_device(plan_, held);
  add(MemoryMoment::kIdle, still, memory);
  add_passes(walk, still, states, memory);
  add(MemoryMoment::kReduce, reduce, memory);
  add(MemoryMoment::kOptimizer, update, memory);
  // Of a chain's chunks on this stage each has a part of a micro-batch.
  const std::int64_t parts = plan_.virtual_stages / chain_count(plan_);
  memory.microbatches_in_flight = (walk.passes + parts - 1) / parts;
  return memory;
}

}  // namespace supernode
