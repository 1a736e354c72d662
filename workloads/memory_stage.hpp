#pragma once
// The memory of one pipeline stage over a step, from its layers, its order of passes and its states.

#include <map>
#include <vector>

#include "workloads/memory.hpp"
#include "workloads/memory_activations.hpp"
#include "workloads/memory_stack.hpp"
#include "workloads/memory_states.hpp"
#include "workloads/memory_walk.hpp"

namespace supernode {

// What stages share is computed once; then one stage after another. Keeps references to both specs.
class StageEstimator {
 public:
  StageEstimator(const ModelSpec& model, const PlanSpec& plan);
  StageMemory estimate(std::int64_t stage) const;

 private:
  struct FormMemory {
    LayerActivations as_planned, whole;  // whole: as without full recomputation
  };
  using LayerList = std::vector<const FormMemory*>;

  ChunkMemory chunk(std::int64_t stage, std::int64_t index) const;
  void add_recomputed(const LayerList& layers, ChunkMemory& chunk) const;
  void add_offload(const LayerList& layers, ChunkMemory& chunk) const;
  Bytes permanent_buffers() const;
  Bytes delayed(const StageWalk& walk) const;
  MemoryParts idle(const RankWeights& held) const;
  void add_passes(const StageWalk& walk, const MemoryParts& idle, const TransientStates& states,
                  StageMemory& memory) const;
  void add(MemoryMoment moment, MemoryParts parts, StageMemory& memory) const;

  const ModelSpec& model_;
  const PlanSpec& plan_;
  const StackMemory& stack_;
  std::map<LayerForm, FormMemory> forms_;
  std::vector<std::vector<Slot>> order_;
  Bytes boundary_;
};

}  // namespace supernode
