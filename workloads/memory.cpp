#include "workloads/memory.hpp"

#include <algorithm>
#include <cassert>
#include <map>

#include "base/numeric.hpp"
#include "workloads/memory_activations.hpp"
#include "workloads/memory_remedies.hpp"
#include "workloads/memory_stack.hpp"
#include "workloads/memory_states.hpp"
#include "workloads/memory_walk.hpp"
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

// What stages share, computed once; then one stage after another.
class StageEstimator {
 public:
  StageEstimator(const ModelSpec& model, const PlanSpec& plan);
  StageMemory estimate(std::int64_t stage) const;

 private:
  struct FormMemory {
    LayerActivations as_planned, whole;  // whole: as without full recomputation
  };
  struct Layers {
    std::vector<const FormMemory*> list;
  };

  ChunkMemory chunk(std::int64_t stage, std::int64_t index) const;
  void add_recomputed(const std::vector<const FormMemory*>& layers, ChunkMemory& chunk) const;
  void add_offload(const std::vector<const FormMemory*>& layers, ChunkMemory& chunk) const;
  Bytes permanent_buffers() const;
  Bytes delayed(const StageWalk& walk) const;

  const ModelSpec& model_;
  const PlanSpec& plan_;
  const StackMemory& stack_;
  std::map<LayerForm, FormMemory> forms_;
  std::vector<std::vector<Slot>> order_;
  Bytes boundary_;
};

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
void StageEstimator::add_recomputed(const std::vector<const FormMemory*>& layers, ChunkMemory& chunk) const {
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
void StageEstimator::add_offload(const std::vector<const FormMemory*>& layers, ChunkMemory& chunk) const {
  if (plan_.offload.activations == 0 || layers.empty()) return;
  const double here = std::min(1.0, kSwappedLayers / real(std::ssize(layers)));
  const Bytes swapped = plan_.offload.activations * chunk.kept;
  chunk.kept -= swapped;
  chunk.temporary += here * swapped;
}

ChunkMemory StageEstimator::chunk(std::int64_t stage, std::int64_t index) const {
  const LayerRange range = layers_of(plan_, model_, stage, index);
  std::vector<const FormMemory*> layers;
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

StageMemory StageEstimator::estimate(std::int64_t stage) const {
  std::vector<ChunkMemory> chunks;
  for (std::int64_t i = 0; i < plan_.virtual_stages; ++i) chunks.push_back(chunk(stage, i));
  const StageWalk walk = walk_stage(order_[static_cast<std::size_t>(stage)], chunks);
  const RankWeights held = stage_weights(model_, plan_, stage);
  const TransientStates transient = transient_states(model_, plan_, held, stage);

  MemoryParts idle;
  add_model_states(plan_, held, idle);
  idle.buffers = permanent_buffers();
  idle.framework = kContext + real(communicators(model_, plan_)) * kCommunicator;

  StageMemory memory;
  const auto add = [&](MemoryMoment moment, MemoryParts parts) {
    parts.framework += stack_.fragmentation * (parts.activations + parts.buffers);
    memory.timeline.push_back({moment, parts});
    if (memory.timeline.size() > 1 && parts.total() <= memory.total()) return;
    static_cast<MemoryParts&>(memory) = parts;
    memory.peak = moment;
  };
  const auto at = [&](const WalkMoment& moment, Bytes gradients) {
    MemoryParts parts = idle;
    parts.weights += transient.gathered;
    parts.gradients += gradients;
    parts.activations = moment.activations;
    parts.buffers += moment.buffers;
    parts.framework += delayed(walk);
    return parts;
  };
  add(MemoryMoment::kIdle, idle);
  if (walk.forward) add(MemoryMoment::kForward, at(*walk.forward, Bytes()));
  if (walk.loss) add(MemoryMoment::kLoss, at(*walk.loss, Bytes()));
  MemoryParts backward = at(*walk.backward, transient.unreduced);
  const MemoryParts end = at(*walk.backward_end, transient.unreduced + transient.gradients);
  add(MemoryMoment::kBackward, end.total() > backward.total() ? end : backward);
  MemoryParts reduce = idle;
  reduce.gradients += transient.gradients;
  reduce.buffers += transient.reduced;
  add(MemoryMoment::kReduce, reduce);
  MemoryParts update = idle;
  update.buffers += transient.update;
  add(MemoryMoment::kOptimizer, update);
  const std::int64_t per_microbatch = plan_.virtual_stages / chain_count(plan_);
  memory.microbatches_in_flight = (walk.passes + per_microbatch - 1) / per_microbatch;
  return memory;
}

}  // namespace

std::string_view to_string(MemoryMoment moment) {
  switch (moment) {
    case MemoryMoment::kIdle:
      return "idle";
    case MemoryMoment::kForward:
      return "forward";
    case MemoryMoment::kLoss:
      return "loss";
    case MemoryMoment::kBackward:
      return "backward";
    case MemoryMoment::kReduce:
      return "reduce";
    case MemoryMoment::kOptimizer:
      return "optimizer";
  }
  return "?";
}

std::vector<StageMemory> estimate_stages(const ModelSpec& model, const PlanSpec& plan) {
  assert(plan.data_parallel > 0 && plan.microbatches() > 0);
  const StageEstimator estimator(model, plan);
  std::vector<StageMemory> stages;
  for (std::int64_t stage = 0; stage < plan.pipeline_parallel; ++stage) stages.push_back(estimator.estimate(stage));
  return stages;
}

Bytes peak_memory(const std::vector<StageMemory>& stages) {
  Bytes peak{};
  for (const StageMemory& stage : stages) peak = max(peak, stage.total());
  return peak;
}

MemoryReport estimate_memory(const ModelSpec& model, const PlanSpec& plan, Bytes capacity) {
  MemoryReport report;
  report.stages = estimate_stages(model, plan);
  report.capacity = capacity;
  const auto less = [](const StageMemory& a, const StageMemory& b) { return a.total() < b.total(); };
  report.peak_stage = std::max_element(report.stages.begin(), report.stages.end(), less) - report.stages.begin();
  report.fits = peak_memory(report.stages) <= capacity;
  if (!report.fits) report.remedies = find_remedies(model, plan, capacity);
  return report;
}

}  // namespace supernode
