#pragma once
// Writes catalogue values as YAML text: {value: 3.1 us, source: "...", confidence: derived}.

#include <string>
#include <string_view>

#include "base/spec_reader.hpp"

namespace supernode {

// The text in double quotes, with what YAML needs escaped.
std::string yaml_quoted(std::string_view text);

// One flow map and a newline; `value` is the number with its unit.
std::string emit_sourced(std::string_view value, std::string_view source, Confidence confidence);

template <class T>
std::string emit_sourced(std::string_view value, const Sourced<T>& sourced) {
  return emit_sourced(value, sourced.source, sourced.confidence);
}

}  // namespace supernode
