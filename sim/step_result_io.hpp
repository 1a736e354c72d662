#pragma once
// A step's result as bytes, to come back from the child process that simulated it.

#include <string>

#include "sim/step_engine.hpp"

namespace supernode {

std::string serialize(const StepResult& result);
StepResult deserialize_step_result(const std::string& bytes);

}  // namespace supernode
