#pragma once
// The catalogue of models that is compiled into the program (CMakeLists.txt, supernode_embed).

#include <vector>

#include "base/embedded.hpp"

namespace supernode {

const std::vector<EmbeddedFile>& model_catalog();  // workloads/catalog/models/*.yaml

}  // namespace supernode
