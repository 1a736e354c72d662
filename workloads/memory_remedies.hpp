#pragma once
// Changes to a plan that make it fit.

#include "workloads/memory.hpp"

namespace supernode {

// The remedies of MemoryReport: of each kind of change the first that fits, kinds in order of what they cost; when no
// single one fits, the shortest series of them. The ranks stay the same. In order: selective recomputation; sharding
// the optimizer (ZeRO-1); full recomputation of some layers, then of all; a smaller micro-batch; the optimizer in host
// memory; more context, tensor, pipeline, expert parallelism; sharded parameters (ZeRO-3); activations in host memory.
std::vector<std::string> find_remedies(const ModelSpec& model, const PlanSpec& plan, Bytes capacity);

}  // namespace supernode
