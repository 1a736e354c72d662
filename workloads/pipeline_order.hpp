#pragma once
// What makes an order of passes right. The orders themselves come from pipeline_order (workloads/step_program.hpp).

#include <optional>
#include <string>
#include <vector>

#include "workloads/step_program.hpp"

namespace supernode {

// What is wrong with `orders` (one list of slots per stage), or nothing. Right means: each stage runs each micro-batch
// of each chunk once forward and once backward; run stage by stage in the given order, where a forward pass needs the
// forward pass of the piece before it and a backward pass its own forward pass and the backward pass of the piece after
// it, every stage comes to its end. A pair (`with_next`) starts when both of its passes can.
std::optional<std::string> check_order(const std::vector<std::vector<Slot>>& orders, const PlanSpec& plan);

// The passes of one stage under DualPipeV (workloads/dual_pipe_v.cpp). Needs at least 2·PP micro-batches.
std::vector<Slot> dual_pipe_v_order(const PlanSpec& plan, std::int64_t stage);

// Does the schedule pair forward with backward passes so that one hides the other's expert exchange?
bool pairs_passes(const PlanSpec& plan);

}  // namespace supernode
