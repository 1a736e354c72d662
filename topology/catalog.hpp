#pragma once
// The catalogue of systems that is compiled into the program (CMakeLists.txt, supernode_embed).

#include <vector>

#include "base/embedded.hpp"

namespace supernode {

const std::vector<EmbeddedFile>& system_catalog();  // topology/catalog/systems/*.yaml

}  // namespace supernode
