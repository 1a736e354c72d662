#pragma once
// Bytes of the weights, gradients and optimizer state of the parameters that one rank holds.

#include "workloads/memory.hpp"
#include "workloads/rank_weights.hpp"

namespace supernode {

// Fills weights, gradients and optimizer with what stays for the whole run.
void add_model_states(const PlanSpec& plan, const RankWeights& held, MemoryParts& parts);

// The part of the optimizer states on the device that is not master weights.
Bytes moments_on_device(const PlanSpec& plan, const RankWeights& held);

// What comes and goes of one stage's states. `held`: all of the stage.
struct TransientStates {
  Bytes gathered{};   // ZeRO-3: weights of the units at work, or of all that stay gathered
  Bytes unreduced{};  // ZeRO-2 and 3: whole gradients of the layers in the making
  Bytes gradients{};  // of a whole backward pass, in the weights' format, beside the accumulated ones
  Bytes reduced{};    // flat copies of a bucket of gradients being scattered
  Bytes update{};     // flat copies of the weights being gathered, or the optimizer's own matrices
};
TransientStates transient_states(const ModelSpec& model, const PlanSpec& plan, const RankWeights& held,
                                 std::int64_t stage);

}  // namespace supernode
