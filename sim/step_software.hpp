#pragma once
// A training software put onto a step program timed without one.

#include "calibration/software_spec.hpp"
#include "sim/cost_family.hpp"
#include "sim/step_engine.hpp"

namespace supernode {

// Makes `out` the program `neutral` under `software`: the host's time on every operation by the launches it takes,
// kernels and collectives times their factors. Inside one graph the host takes no time between passes. `factors`
// multiply each family's costs besides. `out` is either empty or was made from the same program before; then only
// numbers are written, which makes thousands of sets of terms cheap.
void apply_software(const TimedProgram& neutral, const SoftwareSpec& software, const FamilyValues& factors,
                    TimedProgram& out);
TimedProgram apply_software(const TimedProgram& neutral, const SoftwareSpec& software);

FamilyValues unit_factors();

}  // namespace supernode
