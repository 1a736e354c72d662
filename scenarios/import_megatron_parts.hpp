#pragma once
// Between the sources of the Megatron importer: the flags as collected, and what is built from them.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "scenarios/import_text.hpp"
#include "scenarios/import_yaml.hpp"

namespace supernode {

// Flag names without dashes, words joined by "-", with the words behind them.
using MegatronFlags = std::map<std::string, std::vector<std::string>, std::less<>>;

struct MegatronImport {
  const MegatronFlags& flags;
  Diagnostics& diagnostics;
  SourcePosition position;  // the script as a whole
  ImportedYaml out = {};
  YamlBuilder yaml = {};
  std::int64_t layers = 0;        // without no-op layers
  std::int64_t total_layers = 0;  // as --num-layers has it
  std::vector<std::int64_t> noop_layers = {};

  bool has(std::string_view name) const { return flags.find(name) != flags.end(); }
  std::string text(std::string_view name, std::string otherwise = "") const {
    const auto found = flags.find(name);
    return found == flags.end() || found->second.empty() ? otherwise : found->second.front();
  }
  // The flag's integer; `otherwise` when it is absent. No integer is an error.
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const {
    const std::string value = text(name);
    if (value.empty()) return otherwise;
    if (const auto number = parse_integer(value)) return *number;
    diagnostics.error(position, "--" + std::string(name) + " '" + value + "' is not an integer");
    return otherwise;
  }
  void assume(std::string text) { out.assumptions.push_back(std::move(text)); }
  void warn(std::string text) { out.warnings.push_back(std::move(text)); }
};

void read_megatron_model(MegatronImport& import);  // import_megatron_model.cpp
void read_megatron_plan(MegatronImport& import);   // import_megatron_plan.cpp

}  // namespace supernode
