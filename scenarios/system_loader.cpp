#include "scenarios/system_loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/hash.hpp"
#include "scenarios/fabric_check.hpp"
#include "scenarios/reference_resolver.hpp"

namespace supernode {

namespace {

constexpr std::string_view kSection = "system.";

bool is_file(const std::string& argument) {
  std::error_code ignored;
  return argument == "-" || argument.find('/') != std::string::npos || argument.ends_with(".yaml") ||
         argument.ends_with(".yml") || std::filesystem::exists(argument, ignored);
}

YamlNode scalar(const std::string& text, const SourcePosition& position = {}) {
  YamlNode node;
  node.kind = YamlNode::Kind::kScalar;
  node.scalar = text;
  node.position = position;
  return node;
}

YamlNode map_with_base(const std::string& name) {
  YamlNode map;
  map.kind = YamlNode::Kind::kMap;
  map.entries.push_back({"base", {}, scalar(name)});
  return map;
}

// A scenario says what to train; a file with none of its sections stands on what its base is.
bool is_scenario(const YamlNode& tree) {
  for (const char* section : {"system", "model", "plan"}) {
    if (tree.find(section)) return true;
  }
  const YamlNode* base = tree.find("base");
  if (!base || base->kind != YamlNode::Kind::kScalar) return false;
  if (!is_file(base->scalar)) return find_in_catalogue(CatalogueKind::kScenario, base->scalar) != nullptr;
  Diagnostics ignored;  // the resolver reports a bad base
  const YamlNode written = scalar(base->scalar, base->position);
  const auto parent = ReferenceResolver(ignored).resolve(CatalogueKind::kScenario, written);
  return parent && is_scenario(*parent);
}

void add_inputs(std::vector<InputFile>& inputs, const std::shared_ptr<const SourceFile>& file) {
  const auto same = [&](const InputFile& other) { return other.name == file->name; };
  if (std::none_of(inputs.begin(), inputs.end(), same)) inputs.push_back({file->name, sha256_hex(file->text)});
}

std::optional<LoadedSystem> read_system(YamlNode tree, const std::vector<Override>& overrides,
                                        Diagnostics& diagnostics) {
  const int errors = diagnostics.error_count();
  const std::shared_ptr<const SourceFile> file = tree.position.file;
  for (const Override& each : overrides) {
    const bool section = each.path.starts_with(kSection);
    set_yaml_path(tree, section ? each.path.substr(kSection.size()) : each.path, each.value, diagnostics);
  }
  ReferenceResolver resolver(diagnostics);
  auto resolved = resolver.resolve(CatalogueKind::kSystem, tree);
  if (!resolved) return std::nullopt;
  LoadedSystem system;
  SpecReader reader(*resolved, "system", diagnostics);
  reader.integer({"chips", "how many chips"}, system.chips, {.min = 1, .max = 1 << 20});
  bind(system.spec, reader);
  reader.finish();
  if (!resolved->find("chips")) system.chips = system.spec.chips_per_supernode();
  system.tree = std::move(*resolved);
  if (diagnostics.error_count() == errors) check_fabric(system.spec, system.chips, system.tree, diagnostics);
  if (diagnostics.error_count() > errors) return std::nullopt;
  system.faults = faults_position(system.tree);
  if (file) add_inputs(system.inputs, file);
  for (const auto& input : resolver.inputs()) add_inputs(system.inputs, input);
  return system;
}

std::optional<LoadedSystem> system_of(std::optional<Scenario> scenario) {
  if (!scenario) return std::nullopt;
  LoadedSystem system{.spec = scenario->spec.input.system,
                      .chips = scenario->spec.input.chips,
                      .tree = {},
                      .inputs = scenario->inputs,
                      .scenario = {},
                      .faults = scenario->faults};
  Diagnostics ignored;  // the loader's own text
  const auto text = std::make_shared<const SourceFile>(SourceFile{"resolved scenario", scenario->resolved});
  const YamlNode tree = parse_yaml(text, ignored);
  if (const YamlNode* section = tree.find("system")) system.tree = *section;
  system.scenario = std::move(scenario);
  return system;
}

std::optional<LoadedSystem> load_file(const std::string& path, const std::vector<Override>& overrides,
                                      Diagnostics& diagnostics) {
  const int errors = diagnostics.error_count();
  YamlNode tree = load_yaml(path, diagnostics);
  if (diagnostics.error_count() > errors) return std::nullopt;
  if (tree.kind != YamlNode::Kind::kMap) {
    diagnostics.error(tree.position, "a system or a scenario is a map of keys");
    return std::nullopt;
  }
  if (!is_scenario(tree)) return read_system(std::move(tree), overrides, diagnostics);
  if (path != "-") return system_of(load_scenario(path, overrides, diagnostics));
  auto whole = ReferenceResolver(diagnostics).resolve(CatalogueKind::kScenario, tree);
  return whole ? system_of(load_scenario_tree(std::move(*whole), "stdin", overrides, diagnostics)) : std::nullopt;
}

}  // namespace

std::optional<LoadedSystem> load_system_argument(const std::string& argument, const std::vector<Override>& overrides,
                                                 Diagnostics& diagnostics) {
  if (find_in_catalogue(CatalogueKind::kSystem, argument)) {
    return read_system(map_with_base(argument), overrides, diagnostics);
  }
  if (is_file(argument)) return load_file(argument, overrides, diagnostics);
  if (find_in_catalogue(CatalogueKind::kScenario, argument)) {
    return system_of(load_scenario(argument, overrides, diagnostics));
  }
  std::vector<std::string> names = catalogue_names(CatalogueKind::kSystem);
  if (const auto near = nearest_candidate(argument, catalogue_names(CatalogueKind::kScenario))) names.push_back(*near);
  diagnostics.error({}, fmt::format("unknown system '{}'{}", argument, suggestion(argument, names)));
  return std::nullopt;
}

}  // namespace supernode
