#pragma once
// How the kernel fits of the catalogued chips are composed: which traces each is fitted from, what it borrows from a
// relative, and the few figures that come from published measurements outside the traces. Each value set by hand has
// its source beside it and in the catalogue file.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "calibration/chip_spec.hpp"
#include "calibration/kernel_fit.hpp"

namespace supernode {

struct RefitInput {
  std::function<std::vector<KernelTraceRow>(const std::string& chip)> rows;  // of the trace, by chip as it names them
  std::function<ChipSpec(const std::string& name)> chip;                     // datasheet part of a catalogue file
};

// The fits of all catalogued chips by name.
std::map<std::string, KernelFit> refit_all(const RefitInput& input);

}  // namespace supernode
