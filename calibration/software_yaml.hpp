#pragma once
// Writes an entry of calibration/catalog/software as YAML text.

#include <string>

#include "calibration/software_spec.hpp"

namespace supernode {

// What `bind` reads back, to the digits written: four of a term, three of a covariance. Terms at their neutral value
// without a source are left out.
std::string emit_software(const SoftwareSpec& spec);

}  // namespace supernode
