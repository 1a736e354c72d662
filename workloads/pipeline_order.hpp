#pragma once
// The order of passes on each stage, and what makes an order right. Each schedule is a file, workloads/schedule_*.cpp;
// equations and pictures are in docs/models/schedules.md.

#include <optional>
#include <string>
#include <vector>

#include "workloads/step_program.hpp"

namespace supernode {

// One list of slots per stage. Micro-batches of a slot are counted within its chain (rank_layout.hpp). `plan` must have
// passed check_plan.
std::vector<std::vector<Slot>> pipeline_order(const PlanSpec& plan);

// What is wrong with `orders` (one list of slots per stage), or nothing. Right means:
// - complete: each stage runs each micro-batch of each of its chunks once forward and once backward, the backward pass
//   either whole or in both its halves;
// - causal and free of deadlock: run stage by stage in the given order, every stage comes to its end, where a forward
//   pass needs the forward pass of the piece before it in its chain; a backward pass (whole, or its input half) its own
//   forward pass and that of the piece behind it; a weight half its own input half; and a pair (`with_next`) starts
//   when both of its passes can;
// - in turn: of each chunk, micro-batch 0 runs forward first, and the last micro-batch's gradients are made last, which
//   PassSet::edge relies on.
std::optional<std::string> check_order(const std::vector<std::vector<Slot>>& orders, const PlanSpec& plan);

// Does the plan run forward passes at the same time as backward passes, so that one hides the other's expert exchange?
// It must ask for that (overlap.expert), have an exchange to hide, and a schedule that alternates the two: 1F1B,
// interleaved 1F1B, DualPipe and DualPipeV. GPipe has all forward passes before all backward passes, and the
// zero-bubble schedules let every stage run as close behind the other as it can.
bool pairs_passes(const PlanSpec& plan);
bool can_pair(PipelineSchedule schedule);

// The passes of one stage, a schedule each.
std::vector<Slot> gpipe_order(const PlanSpec& plan, std::int64_t stage);
std::vector<Slot> one_forward_one_backward_order(const PlanSpec& plan, std::int64_t stage);
std::vector<Slot> interleaved_order(const PlanSpec& plan, std::int64_t stage);
std::vector<Slot> zero_bubble_h1_order(const PlanSpec& plan, std::int64_t stage);
std::vector<Slot> zero_bubble_v_order(const PlanSpec& plan, std::int64_t stage);
std::vector<Slot> dual_pipe_order(const PlanSpec& plan, std::int64_t stage);
std::vector<Slot> dual_pipe_v_order(const PlanSpec& plan, std::int64_t stage);

}  // namespace supernode
