#pragma once
// The catalogues of chips, tables of their kernel fits, protocols and training software that are compiled into the
// program (CMakeLists.txt, supernode_embed).

#include <vector>

#include "base/embedded.hpp"

namespace supernode {

const std::vector<EmbeddedFile>& chip_catalog();      // calibration/catalog/chips/*.yaml
const std::vector<EmbeddedFile>& kernel_catalog();    // calibration/catalog/kernels/*.yaml
const std::vector<EmbeddedFile>& software_catalog();  // calibration/catalog/software/*.yaml
const std::vector<EmbeddedFile>& protocol_catalog();  // calibration/catalog/protocols/*.yaml

}  // namespace supernode
