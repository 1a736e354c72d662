#pragma once
// A Hugging Face config.json as a model of ours. What a `model_type` does beyond its keys (biases, norms, which tables
// are tied, what attends to a window) stands in one table; keys that are not read and may matter become warnings.

#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "scenarios/import_yaml.hpp"

namespace supernode {

// The file's text, or a problem with its line and column: bad JSON, no model_type, one that is not known (with those
// that are), a size that is missing or no positive integer.
std::optional<ImportedYaml> read_huggingface(const SourceFile& file, Diagnostics& diagnostics);
std::optional<ImportedYaml> import_huggingface(const std::string& path, Diagnostics& diagnostics);

std::vector<std::string> huggingface_model_types();

}  // namespace supernode
