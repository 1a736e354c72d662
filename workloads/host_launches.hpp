#pragma once
// How many launches the host makes for each operation of a step.

#include "workloads/step_program.hpp"

namespace supernode {

// Does what an operation does hang on the choices of the router, so that no graph of fixed shapes can hold it? The
// exchange of tokens, the routed experts and the copies between them.
bool depends_on_routing(const Op& op);

// Fills Op::launches and StepProgram::one_graph as LaunchSpec says. With experts apart the product of each expert and
// the quantisation of its operands are launches of their own, and the top-k stands for all kernels of Megatron-Core's
// router. Prologue and epilogue (gathers, the optimizer) stay outside of graphs.
void count_launches(StepProgram& program, const PlanSpec& plan);

}  // namespace supernode
