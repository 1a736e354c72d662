#pragma once
// The step of reinforcement learning and the projected run as JSON; see result_json.hpp.

#include <nlohmann/json.hpp>

#include "scenarios/projection.hpp"
#include "sim/rl_step.hpp"

namespace supernode {

// `chips`: of the whole job.
nlohmann::ordered_json rl_json(const RlResult& result, double chips);
nlohmann::ordered_json projection_json(const Projection& projection);

}  // namespace supernode
