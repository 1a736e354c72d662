#pragma once
// A table that the user names on the command line, read whole.

#include <optional>
#include <string>

#include "base/diagnostics.hpp"

namespace supernode {

// "-" is standard input. Nothing when it cannot be read (reported).
std::optional<SourceFile> read_table_file(const std::string& path, Diagnostics& diagnostics);

}  // namespace supernode
