#pragma once
// Plan fields that a software's public recipe sets for a model and system and that its tables of results leave out.
// The recipes are data: scenarios/recipes/*.yaml.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace supernode {

// Layers whose activations the recipe moves to host memory under FSDP; nothing where no recipe says so. `source` and
// `model` as in the row, lower case; `narrow`: matrix products below bf16.
std::optional<std::int64_t> recipe_offloaded_layers(std::string_view source, std::string_view model,
                                                    std::string_view system, bool narrow);

}  // namespace supernode
