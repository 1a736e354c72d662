#pragma once
// Walks the passes of one stage and notes what activations and buffers need at each moment of a step.

#include <optional>
#include <vector>

#include "base/quantity.hpp"
#include "workloads/step_program.hpp"

namespace supernode {

// What one micro-batch does to the memory of a chunk.
struct ChunkMemory {
  Bytes kept{};       // from forward to backward pass, on the device
  Bytes temporary{};  // largest extra need of a backward pass
  Bytes deferred{};   // between the halves of a split backward pass
  Bytes logits{};     // from the loss to the head's backward pass; 0 without head
  double layers = 0;
};

struct WalkMoment {
  Bytes activations{}, buffers{};
};

// The worst of each kind; nothing where the stage has none.
struct StageWalk {
  std::optional<WalkMoment> forward, loss, backward;
  std::optional<WalkMoment> backward_end;  // the layers' backward pass is over, its gradients are all there
  std::int64_t passes = 0;                 // most forward passes that await their backward passes
  double layers = 0;                       // most layers of such passes
};

// `chunks`: of the stage, by Slot::chunk. Two passes at the same time have two sets of temporaries.
StageWalk walk_stage(const std::vector<Slot>& order, const std::vector<ChunkMemory>& chunks);

}  // namespace supernode
