#include "workloads/memory.hpp"

#include <algorithm>
#include <cassert>

#include "base/numeric.hpp"
#include "workloads/memory_activations.hpp"
#include "workloads/memory_remedies.hpp"
#include "workloads/memory_states.hpp"
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

// Allocated but unusable memory of the caching allocator, of all that comes and goes; assumed.
constexpr double kFragmentation = 0.05;

std::int64_t communicators(const ModelSpec& model, const PlanSpec& plan) {
  const bool expert_data = model.moe.experts > 0 && plan.expert_replicas() > 1;
  return (plan.tensor_parallel > 1) + (plan.data_parallel > 1) + (plan.pipeline_parallel > 1) +
         (plan.expert_parallel > 1) + expert_data;
}

// The plan with so few micro-batches that its schedule is short but still reaches the same peak: warm-up never runs
// more than two rounds of PP micro-batches ahead per chunk.
PlanSpec short_plan(const PlanSpec& plan) {
  PlanSpec shortened = plan;
  const std::int64_t enough = std::min(plan.microbatches(), 4 * plan.pipeline_parallel);
  shortened.global_batch = enough * plan.micro_batch * plan.data_parallel;
  return shortened;
}

struct Peak {
  Bytes activations{};
  std::int64_t passes = 0;  // forward passes of chunks that await their backward pass
};

// Walks a stage's passes; `chunk_kept` is what one micro-batch leaves in each chunk.
Peak peak_activations(const std::vector<Slot>& order, const std::vector<Bytes>& chunk_kept) {
  Peak peak;
  Bytes now{};
  std::int64_t passes = 0;
  for (const Slot& slot : order) {
    const double sign = slot.kind == PassKind::kForward ? 1 : -1;
    now += sign * chunk_kept[static_cast<std::size_t>(slot.chunk)];
    passes += slot.kind == PassKind::kForward ? 1 : -1;
    peak.activations = max(peak.activations, now);
    peak.passes = std::max(peak.passes, passes);
  }
  return peak;
}

// Estimates all stages of one plan; what stages share is computed once.
class StageEstimator {
 public:
  StageEstimator(const ModelSpec& model, const PlanSpec& plan)
      : model_(model),
        plan_(plan),
        dense_(layer_activations(model, plan, false)),
        moe_(layer_activations(model, plan, true)),
        order_(pipeline_order(short_plan(plan))) {}

  StageMemory estimate(std::int64_t stage) const {
    StageMemory memory;
    const RankWeights held = stage_weights(model_, plan_, stage);
    add_model_states(plan_, held, memory);
    if (plan_.zero_stage == 2) memory.gradients += whole_gradients(held, stage);
    const Peak peak = peak_activations(order_[static_cast<std::size_t>(stage)], chunk_kept(stage));
    memory.activations = peak.activations;
    memory.microbatches_in_flight = (peak.passes + plan_.virtual_stages - 1) / plan_.virtual_stages;
    memory.buffers = buffers(stage);
    memory.framework = kContext + real(communicators(model_, plan_)) * kCommunicator +
                       kFragmentation * (memory.activations + memory.buffers);
    return memory;
  }

 private:
  const LayerActivations& layer(std::int64_t index) const { return model_.is_moe(index) ? moe_ : dense_; }
  bool has_head(std::int64_t stage) const { return stage == head_stage(plan_); }

  // Sharded gradients are whole for two layers at a time: one whose gradients are made, one whose are reduced.
  Bytes whole_gradients(const RankWeights& held, std::int64_t stage) const {
    std::int64_t layers = 0;
    for (std::int64_t chunk = 0; chunk < plan_.virtual_stages; ++chunk) {
      const LayerRange range = layers_of(plan_, model_, stage, chunk);
      layers += range.last - range.first;
    }
    const double share = std::min(1.0, 2.0 / real(std::max<std::int64_t>(1, layers)));
    return share * (held.dense + held.experts) * bytes_per_element(plan_.gradient);
  }

  std::vector<Bytes> chunk_kept(std::int64_t stage) const {
    std::vector<Bytes> kept;
    for (std::int64_t chunk = 0; chunk < plan_.virtual_stages; ++chunk) {
      kept.emplace_back();
      const LayerRange range = layers_of(plan_, model_, stage, chunk);
      for (std::int64_t i = range.first; i < range.last; ++i) kept.back() += layer(i).kept;
    }
    if (has_head(stage)) kept.back() += last_stage_kept(model_, plan_);
    return kept;
  }

  // Logits are gone when the layers' backward passes begin. Two passes at a time have two sets of temporaries.
  Bytes buffers(std::int64_t stage) const {
    Bytes temporary{};
    for (std::int64_t chunk = 0; chunk < plan_.virtual_stages; ++chunk) {
      const LayerRange range = layers_of(plan_, model_, stage, chunk);
      for (std::int64_t i = range.first; i < range.last; ++i) temporary = max(temporary, layer(i).temporary);
    }
    if (pairs_passes(plan_)) temporary *= 2;
    if (has_head(stage)) temporary = max(temporary, logits_buffer(model_, plan_));
    const Bytes boundary = plan_.pipeline_parallel > 1 ? 2 * boundary_activation(model_, plan_) : Bytes();
    return temporary + boundary;
  }

  const ModelSpec& model_;
  const PlanSpec& plan_;
  LayerActivations dense_, moe_;
  std::vector<std::vector<Slot>> order_;
};

}  // namespace

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
