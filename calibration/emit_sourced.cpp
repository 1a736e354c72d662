#include "calibration/emit_sourced.hpp"

#include <fmt/format.h>

namespace supernode {

std::string yaml_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c == '\n' ? ' ' : c;
  }
  return quoted + '"';
}

std::string emit_sourced(std::string_view value, std::string_view source, Confidence confidence) {
  return fmt::format("{{value: {}, source: {}, confidence: {}}}\n", value, yaml_quoted(source), to_string(confidence));
}

}  // namespace supernode
