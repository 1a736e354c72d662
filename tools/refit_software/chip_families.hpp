#pragma once
// Which chips limit their clocks alike.

#include <string>

namespace supernode {

// Chips of a family differ in memory, ports or count of cores, not in how they are made and powered. A chip that the
// table does not know is a family of its own.
std::string chip_family(const std::string& chip);

}  // namespace supernode
