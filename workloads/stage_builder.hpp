#pragma once
// The operations of one pipeline stage: its chunks' passes from the parts of their layers, and what the replicas of the
// model exchange around them (gathers, reductions, the optimizer).

#include "workloads/layer_part.hpp"

namespace supernode {

// `order`: the passes the stage runs, from pipeline_order.
StageProgram build_stage(const RankShape& shape, std::int64_t stage, std::vector<Slot> order, EventSource& events);

}  // namespace supernode
