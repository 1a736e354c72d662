#pragma once
// What a result was made from and by, so that any number can be reproduced.

#include <nlohmann/json.hpp>

#include "base/diagnostics.hpp"
#include "base/hash.hpp"
#include "scenarios/provenance.hpp"

namespace supernode {

inline nlohmann::ordered_json input_json(const SourceFile& file) {
  return {{"version", program_version()}, {"input", {{"name", file.name}, {"sha256", sha256_hex(file.text)}}}};
}

}  // namespace supernode
