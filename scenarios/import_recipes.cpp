#include "scenarios/import_recipes.hpp"

#include <cassert>
#include <memory>
#include <vector>

#include "base/embedded.hpp"
#include "base/spec_reader.hpp"
#include "scenarios/import_text.hpp"

namespace supernode {

const std::vector<EmbeddedFile>& recipe_files();  // scenarios/recipes/*.yaml (cmake/embed.cmake)

namespace {

struct OffloadedLayers {
  std::string model, system;
  bool narrow = false;
  std::int64_t layers = 0;
};

struct Recipe {
  std::string source, told_by;
  std::vector<OffloadedLayers> offloaded;
};

void bind(Recipe& recipe, SpecReader& reader) {
  reader.text({"source", "where the recipe stands", kRequired}, recipe.source);
  reader.text({"told_by", "text in the source of rows that were run with it", kRequired}, recipe.told_by);
  reader.items({"offloaded_layers", "activations in host memory"}, [&](SpecReader& each) {
    OffloadedLayers layers;
    each.text({"model", "text in the row's model", kRequired}, layers.model);
    each.text({"system", "of the catalogue", kRequired}, layers.system);
    each.boolean({"narrow", "products below bf16", kRequired}, layers.narrow);
    each.integer({"layers", "whose activations are moved", kRequired}, layers.layers);
    recipe.offloaded.push_back(std::move(layers));
  });
}

std::vector<Recipe> read_recipes() {
  std::vector<Recipe> recipes;
  for (const EmbeddedFile& file : recipe_files()) {
    Diagnostics diagnostics;
    const YamlNode tree = parse_yaml(std::make_shared<const SourceFile>(SourceFile{file.path, file.text}), diagnostics);
    SpecReader reader(tree, file.name, diagnostics);
    Recipe recipe;
    bind(recipe, reader);
    reader.finish();
    assert(!diagnostics.has_errors());
    recipes.push_back(std::move(recipe));
  }
  return recipes;
}

}  // namespace

std::optional<std::int64_t> recipe_offloaded_layers(std::string_view source, std::string_view model,
                                                    std::string_view system, bool narrow) {
  static const std::vector<Recipe> kRecipes = read_recipes();
  for (const Recipe& recipe : kRecipes) {
    if (!contains(source, recipe.told_by)) continue;
    for (const OffloadedLayers& each : recipe.offloaded)
      if (contains(model, each.model) && system == each.system && narrow == each.narrow) return each.layers;
  }
  return std::nullopt;
}

}  // namespace supernode
