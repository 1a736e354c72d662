#pragma once
// The forward passes of a training step alone: what computing log-probabilities costs in the training layout.

#include "sim/simulate.hpp"

namespace supernode {

// The step's program without its backward passes, gradient exchanges and optimizer.
StepProgram forward_only(StepProgram program);

Seconds simulate_forward(const SimulationInput& input, int workers);

}  // namespace supernode
