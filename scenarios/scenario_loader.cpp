#include "scenarios/scenario_loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/hash.hpp"
#include "scenarios/fabric_check.hpp"
#include "scenarios/protocol_choice.hpp"
#include "scenarios/reference_resolver.hpp"

namespace supernode {

namespace {

YamlNode scalar(std::string text, SourcePosition position) {
  YamlNode node;
  node.kind = YamlNode::Kind::kScalar;
  node.scalar = std::move(text);
  node.position = std::move(position);
  return node;
}

YamlNode empty_map(SourcePosition position) {
  YamlNode node;
  node.kind = YamlNode::Kind::kMap;
  node.position = std::move(position);
  return node;
}

// Puts `base: VALUE` first, unless the map has a base.
void default_base(YamlNode& map, const std::string& value, const SourcePosition& position) {
  if (map.kind != YamlNode::Kind::kMap || map.find("base")) return;
  map.entries.insert(map.entries.begin(), {"base", position, scalar(value, position)});
}

void put(YamlNode& map, std::string_view key, YamlNode value) {
  if (YamlNode* old = map.find(key)) {
    *old = std::move(value);
    return;
  }
  const SourcePosition position = value.position;
  map.entries.push_back({std::string(key), position, std::move(value)});
}

// Sections in one order, whatever the file's; keys nobody knows keep their place at the end, to be reported.
void sort_sections(YamlNode& tree) {
  static constexpr std::string_view kOrder[] = {"name",     "description", "system", "chip",    "protocol",
                                                "software", "model",       "plan",   "options", "published"};
  const auto rank = [](const YamlEntry& entry) { return std::find(std::begin(kOrder), std::end(kOrder), entry.key); };
  std::stable_sort(tree.entries.begin(), tree.entries.end(),
                   [&](const YamlEntry& a, const YamlEntry& b) { return rank(a) < rank(b); });
}

std::string text_at(const YamlNode& map, std::string_view key) {
  const YamlNode* node = map.find(key);
  return node ? node->scalar : "";
}

// What trains on the chips of a vendor when nobody says: the catalogue's entry nearest to the stack whose tensors the
// plan holds.
std::string default_software(const std::string& stack, const std::string& vendor) {
  if (stack == "nanotron") return "nanotron";
  if (stack == "fsdp") return "torchtitan";
  if (stack == "mindspeed" || vendor == "Huawei") return "mindspeed";
  return "nemo";
}

// Expands the references of a scenario in place.
class Expansion {
 public:
  Expansion(YamlNode& tree, ReferenceResolver& resolver, std::vector<std::string>& assumptions)
      : tree_(tree), resolver_(resolver), assumptions_(assumptions) {}

  // Returns the sections that could not be resolved.
  std::set<std::string> run() {
    expand("system", CatalogueKind::kSystem);
    expand("model", CatalogueKind::kModel);
    if (broken_.contains("system") || !tree_.find("system")) {
      broken_.insert({"chip", "protocol", "software"});
      return broken_;
    }
    const YamlNode system = *tree_.find("system");  // a copy: the tree grows below
    const YamlNode* chip = system.find("chip");
    expand_default("chip", CatalogueKind::kChip, chip ? chip->scalar : "none", chip ? chip->position : system.position);
    const ProtocolChoice choice = choose_protocol(system);
    const bool chosen = expand_default("protocol", CatalogueKind::kProtocol, choice.name, system.position);
    if (chosen && !choice.assumption.empty()) assumptions_.push_back(choice.assumption);
    choose_software();
    return broken_;
  }

 private:
  // The training software that the plan's stack and the chip's vendor suggest, unless the scenario names one.
  void choose_software() {
    const YamlNode* chip = tree_.find("chip");
    const YamlNode* plan = tree_.find("plan");
    const std::string name =
        default_software(plan ? text_at(*plan, "stack") : "", chip ? text_at(*chip, "vendor") : "");
    expand_default("software", CatalogueKind::kSoftware, name, tree_.position);
  }

  void expand(const std::string& key, CatalogueKind kind) {
    YamlNode* node = tree_.find(key);
    if (!node || node->kind == YamlNode::Kind::kNull) return;
    auto resolved = resolver_.resolve(kind, *node);
    if (resolved)
      *node = std::move(*resolved);
    else
      broken_.insert(key);
  }

  // A section that may be missing or lack its base. Returns whether the default was what it stands on.
  bool expand_default(const std::string& key, CatalogueKind kind, const std::string& base,
                      const SourcePosition& position) {
    if (!tree_.find(key)) put(tree_, key, empty_map(position));
    YamlNode* node = tree_.find(key);
    const bool own_base = node->find("base") != nullptr;
    default_base(*node, base, position);
    expand(key, kind);
    return !own_base && !broken_.contains(key);
  }

  YamlNode& tree_;
  ReferenceResolver& resolver_;
  std::vector<std::string>& assumptions_;
  std::set<std::string> broken_;
};

void apply_overrides(YamlNode& tree, const std::vector<Override>& overrides, Diagnostics& diagnostics) {
  for (const Override& each : overrides) {
    tree = with_references_as_maps(std::move(tree));
    set_yaml_path(tree, each.path, each.value, diagnostics);
  }
  tree = with_references_as_maps(std::move(tree));
}

// Chip, protocol and software are laid over the catalogue unless they say that they are complete.
std::string emit_resolved(YamlNode tree) {
  for (const char* key : {"chip", "protocol", "software"}) {
    if (YamlNode* node = tree.find(key)) default_base(*node, "none", node->position);
  }
  return emit_yaml(tree);
}

std::string default_name(const std::string& argument) {
  return argument == "-" ? "stdin" : std::filesystem::path(argument).stem().string();
}

// `tree` as written, before its references are followed by `resolver`.
std::optional<Scenario> load_tree(YamlNode tree, const std::string& name, const std::vector<Override>& overrides,
                                  ReferenceResolver& resolver, Diagnostics& diagnostics) {
  Scenario scenario;
  scenario.overrides = overrides;
  apply_overrides(tree, overrides, diagnostics);
  const std::set<std::string> broken = Expansion(tree, resolver, scenario.assumptions).run();
  std::erase_if(tree.entries, [&](const YamlEntry& entry) { return broken.contains(entry.key); });
  sort_sections(tree);
  SpecReader reader(tree, "", diagnostics);
  bind(scenario.spec, reader, broken);
  reader.finish();
  if (!diagnostics.has_errors())
    check_fabric(scenario.spec.input.system, scenario.spec.input.chips, *tree.find("system"), diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  scenario.faults = faults_position(*tree.find("system"));
  if (scenario.spec.name.empty()) {
    scenario.spec.name = name;
    tree.entries.insert(tree.entries.begin(), {"name", {}, scalar(scenario.spec.name, {})});
  }
  scenario.resolved = emit_resolved(std::move(tree));
  for (const auto& file : resolver.inputs()) scenario.inputs.push_back({file->name, sha256_hex(file->text)});
  return scenario;
}

}  // namespace

std::optional<Scenario> load_scenario(const std::string& argument, const std::vector<Override>& overrides,
                                      Diagnostics& diagnostics) {
  ReferenceResolver resolver(diagnostics);
  auto tree = resolver.resolve_argument(argument);
  if (!tree) return std::nullopt;
  return load_tree(std::move(*tree), default_name(argument), overrides, resolver, diagnostics);
}

std::optional<Scenario> load_scenario_tree(YamlNode tree, const std::string& name,
                                           const std::vector<Override>& overrides, Diagnostics& diagnostics) {
  ReferenceResolver resolver(diagnostics);
  return load_tree(std::move(tree), name, overrides, resolver, diagnostics);
}

}  // namespace supernode
