#pragma once
// The errors of the fits as Markdown: over the rows that made them, and over rows left out
// (docs/models/collectives.md).

#include <string>

#include "tools/refit_protocols/recipes.hpp"

namespace supernode {

std::string error_tables(const RefitProtocols& refit);

}  // namespace supernode
