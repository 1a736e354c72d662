#include "scenarios/reference_resolver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>

namespace supernode {

namespace {

namespace fs = std::filesystem;

bool is_path(const std::string& reference) {
  return reference.find('/') != std::string::npos || reference.ends_with(".yaml") || reference.ends_with(".yml");
}

// Paths in a file are relative to its folder; those on stdin or in --set to the working directory.
fs::path folder_of(const SourcePosition& position) {
  if (!position.file || position.file->name == "-" || position.file->name.starts_with("--set")) return {};
  return fs::path(position.file->name).parent_path();
}

std::string canonical_id(const std::string& path) {
  std::error_code error;
  const fs::path canonical = fs::weakly_canonical(path, error);
  return error ? path : canonical.string();
}

// Parsed once a process: a study of hundreds of runs reads the same entries over and over.
YamlNode parsed(const EmbeddedFile& file, Diagnostics& diagnostics) {
  static std::mutex mutex;
  static std::map<std::string, YamlNode> trees;
  const std::lock_guard lock(mutex);
  const auto known = trees.find(file.path);
  if (known != trees.end()) return known->second;
  const int errors = diagnostics.error_count();
  YamlNode tree = parse_yaml(std::make_shared<const SourceFile>(SourceFile{file.path, file.text}), diagnostics);
  if (diagnostics.error_count() == errors) trees.emplace(file.path, tree);
  return tree;
}

YamlNode without_key(const YamlNode& node, std::string_view key) {
  YamlNode copy = node;
  std::erase_if(copy.entries, [&](const YamlEntry& entry) { return entry.key == key; });
  return copy;
}

}  // namespace

YamlNode with_references_as_maps(YamlNode scenario) {
  for (YamlEntry& entry : scenario.entries) {
    const bool reference =
        entry.key == "system" || entry.key == "chip" || entry.key == "protocol" || entry.key == "model" ||
                           entry.key == "software";
    if (!reference || entry.value.kind != YamlNode::Kind::kScalar) continue;
    YamlNode map;
    map.kind = YamlNode::Kind::kMap;
    map.position = entry.value.position;
    map.entries.push_back({"base", entry.key_position, entry.value});
    entry.value = std::move(map);
  }
  return scenario;
}

std::optional<YamlNode> ReferenceResolver::resolve(CatalogueKind kind, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kScalar) {
    const auto target = locate(kind, node.scalar, node.position);
    return target ? follow(kind, *target, node.position) : std::nullopt;
  }
  const YamlNode* base = node.kind == YamlNode::Kind::kMap ? node.find("base") : nullptr;
  if (!base) return node;
  const YamlNode overlay = without_key(node, "base");
  if (base->kind != YamlNode::Kind::kScalar) {
    diagnostics_.error(base->position, fmt::format("base must be the name of a {} or a path", singular(kind)));
    return std::nullopt;
  }
  if (base->scalar == "none") return overlay;
  const auto target = locate(kind, base->scalar, base->position);
  auto parent = target ? follow(kind, *target, base->position) : std::nullopt;
  if (!parent) return std::nullopt;
  if (kind == CatalogueKind::kScenario) parent = with_references_as_maps(std::move(*parent));
  return merge_yaml(*parent, overlay);
}

std::optional<YamlNode> ReferenceResolver::resolve_argument(const std::string& argument) {
  std::error_code ignored;
  if (argument == "-") return follow(CatalogueKind::kScenario, {"-", nullptr, "-"}, {});
  if (is_path(argument) || fs::exists(argument, ignored)) {
    return follow(CatalogueKind::kScenario, {canonical_id(argument), nullptr, argument}, {});
  }
  const auto target = locate(CatalogueKind::kScenario, argument, {});
  return target ? follow(CatalogueKind::kScenario, *target, {}) : std::nullopt;
}

std::optional<ReferenceResolver::Target> ReferenceResolver::locate(CatalogueKind kind, const std::string& reference,
                                                                   const SourcePosition& from) {
  if (is_path(reference)) {
    const std::string path = (folder_of(from) / reference).string();
    return Target{canonical_id(path), nullptr, path};
  }
  if (const EmbeddedFile* file = find_in_catalogue(kind, reference)) return Target{file->path, file, ""};
  diagnostics_.error(
      from, fmt::format("unknown {} '{}'{}", singular(kind), reference, suggestion(reference, catalogue_names(kind))));
  return std::nullopt;
}

bool ReferenceResolver::reports_cycle(const Target& target, const SourcePosition& from) {
  const auto same = [&](const Target& other) { return other.id == target.id; };
  const auto first = std::find_if(chain_.begin(), chain_.end(), same);
  if (first == chain_.end()) return false;
  const auto name = [](const Target& t) { return t.embedded ? t.embedded->path : t.path; };
  std::string cycle;
  for (auto it = first; it != chain_.end(); ++it) cycle += name(*it) + " -> ";
  diagnostics_.error(from, fmt::format("cyclic base: {}{}", cycle, name(target)));
  return true;
}

YamlNode ReferenceResolver::load(const Target& target) {
  YamlNode tree;
  if (target.embedded) {
    tree = parsed(*target.embedded, diagnostics_);
  } else {
    tree = load_yaml(target.path, diagnostics_);
  }
  const auto seen = [&](const auto& file) { return file->name == tree.position.file->name; };
  if (tree.position.file && std::none_of(inputs_.begin(), inputs_.end(), seen)) inputs_.push_back(tree.position.file);
  return tree;
}

std::optional<YamlNode> ReferenceResolver::follow(CatalogueKind kind, const Target& target,
                                                  const SourcePosition& from) {
  if (reports_cycle(target, from)) return std::nullopt;
  const int errors = diagnostics_.error_count();
  const YamlNode tree = load(target);
  if (tree.kind != YamlNode::Kind::kMap) {
    if (diagnostics_.error_count() == errors) {
      diagnostics_.error(tree.position, fmt::format("a {} is a map of keys", singular(kind)));
    }
    return std::nullopt;
  }
  chain_.push_back(target);
  auto resolved = resolve(kind, tree);
  chain_.pop_back();
  return resolved;
}

void read_catalogues() {
  Diagnostics ignored;  // a test reads every entry
  for (CatalogueKind kind : {CatalogueKind::kChip, CatalogueKind::kSystem, CatalogueKind::kProtocol,
                             CatalogueKind::kSoftware, CatalogueKind::kModel}) {
    for (const EmbeddedFile& file : catalogue(kind)) parsed(file, ignored);
  }
}

}  // namespace supernode
