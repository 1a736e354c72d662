#pragma once
// A plan's choices as a scenario writes them, for reports.

#include <string_view>

#include "workloads/plan_spec.hpp"

namespace supernode {

std::string_view schedule_name(PipelineSchedule schedule);  // "1f1b", "interleaved", "dualpipev"
std::string_view recompute_name(Recompute recompute);       // "none", "selective", "full"

}  // namespace supernode
