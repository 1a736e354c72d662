#pragma once
// The tables behind scenarios/import_phrases.cpp. Texts are lower case and are sought anywhere in a cell.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace supernode {

// Sets plan.PATH to VALUE.
struct Phrase {
  std::string_view text, path, value;
};
struct Silent {
  std::string_view text, meaning;
};
struct ShardingPhrase {
  std::string_view text;
  std::int64_t stage;
};
struct RecomputePhrase {
  std::string_view text, kind;
  std::vector<std::string> modules;
};

const std::vector<Phrase>& overlap_phrases();             // all that occur apply, in this order
const std::vector<Silent>& silent_phrases();              // nothing to set: said as a warning
const std::vector<ShardingPhrase>& sharding_phrases();    // the first that occurs
const std::vector<RecomputePhrase>& recompute_phrases();  // the first that occurs

}  // namespace supernode
