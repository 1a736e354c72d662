#pragma once
// Device memory one rank of each pipeline stage needs at its peak. Equations and sources: docs/models/memory.md.

#include <string>
#include <vector>

#include "base/quantity.hpp"
#include "workloads/plan_spec.hpp"

namespace supernode {

struct StageMemory {
  Bytes weights{}, gradients{}, optimizer{};
  Bytes activations{};                      // of all micro-batches in flight at the peak
  Bytes buffers{};                          // logits, communication, MoE permute and dispatch, largest temporary
  Bytes framework{};                        // CUDA/CANN context, library workspaces, fragmentation reserve
  std::int64_t microbatches_in_flight = 0;  // most forward passes awaiting their backward, over chunks, rounded up
  Bytes total() const { return weights + gradients + optimizer + activations + buffers + framework; }
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

// `capacity`: one device's memory. Remedies try, in order of cost: recompute selective, ZeRO-1, full recompute, smaller
// micro-batch, more TP, more PP, (MoE) more EP; one at a time, and if no single one fits, one after another.
MemoryReport estimate_memory(const ModelSpec& model, const PlanSpec& plan, Bytes capacity);

}  // namespace supernode
