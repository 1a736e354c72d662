#pragma once
// Device memory one rank of each pipeline stage needs, over the step. Equations and sources: docs/models/memory.md.

#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.hpp"
#include "workloads/plan_spec.hpp"

namespace supernode {

struct MemoryParts {
  Bytes weights{}, gradients{}, optimizer{};
  Bytes activations{};  // of all micro-batches in flight
  Bytes buffers{};      // logits, communication, MoE permute and dispatch, largest temporary
  Bytes framework{};    // context, library workspaces, communicators, what the allocator holds but cannot use
  Bytes total() const { return allocated() + framework; }
  // What the program's own tensors take: what frameworks report as allocated.
  Bytes allocated() const { return weights + gradients + optimizer + activations + buffers; }
};

// When a step needs most: kIdle between steps; kForward behind the forward pass that fills the pipeline; kLoss at its
// last logits; kBackward in a layer's backward pass; kReduce when all gradients are made; kOptimizer in the update.
enum class MemoryMoment { kIdle, kForward, kLoss, kBackward, kReduce, kOptimizer };
std::string_view to_string(MemoryMoment moment);  // "idle", "forward", …

struct MomentMemory {
  MemoryMoment moment = MemoryMoment::kIdle;
  MemoryParts parts;  // at the worst such moment of the step
};

// The parts are those of the moment that needs most.
struct StageMemory : MemoryParts {
  MemoryMoment peak = MemoryMoment::kIdle;
  std::vector<MomentMemory> timeline;       // in the order of a step; a stage without head has no loss
  std::int64_t microbatches_in_flight = 0;  // most forward passes awaiting their backward, over chunks, rounded up
  Bytes moments{};                          // of `optimizer`: what the first update makes

  const MemoryParts& at(MemoryMoment moment) const;  // the peak's where the stage has no such moment
  // What PyTorch's counters show: most allocated, and most its allocator held (context and communicators apart).
  Bytes peak_allocated() const;
  Bytes peak_reserved() const;
  // The most allocated in a run's first step: its passes run before the optimizer's moments exist.
  Bytes first_step_allocated() const;
};

struct MemoryReport {
  std::vector<StageMemory> stages;
  Bytes capacity{};  // of one device
  std::int64_t peak_stage = 0;
  bool fits = true;
  std::vector<std::string> remedies;  // cheapest first, each checked to fit; empty when it fits or nothing would help
};

// What each stage needs; `plan` must have passed check_plan.
std::vector<StageMemory> estimate_stages(const ModelSpec& model, const PlanSpec& plan);

// Of the stage that needs most.
Bytes peak_memory(const std::vector<StageMemory>& stages);

// `capacity`: one device's memory. Remedies: see memory_remedies.hpp.
MemoryReport estimate_memory(const ModelSpec& model, const PlanSpec& plan, Bytes capacity);

}  // namespace supernode
