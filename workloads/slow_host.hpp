#pragma once
// A host that falls behind its device: what LaunchSpec::for_peer and for_message add to the launches of a step.

#include "workloads/step_program.hpp"

namespace supernode {

// Behind count_launches: a collective takes `for_peer` launches more for each other rank of its group, and the first
// operation of each pass of one of several stages takes `for_message` more. Nothing inside a CUDA graph.
void add_slow_host(StepProgram& program, const PlanSpec& plan);

}  // namespace supernode
