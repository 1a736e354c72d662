#include "scenarios/protocol_choice.hpp"

#include <fmt/format.h>

#include "scenarios/catalogue.hpp"

namespace supernode {

namespace {

std::string scalar_of(const YamlNode& map, std::string_view key) {
  const YamlNode* node = map.kind == YamlNode::Kind::kMap ? map.find(key) : nullptr;
  return node ? node->scalar : "";
}

YamlNode parse(const EmbeddedFile& file) {
  Diagnostics ignored;  // a test reads every catalogue file; here only two keys matter
  return parse_yaml(std::make_shared<const SourceFile>(SourceFile{file.path, file.text}), ignored);
}

std::string kind_of_system(const std::string& name) {
  const EmbeddedFile* file = find_in_catalogue(CatalogueKind::kSystem, name);
  return file ? scalar_of(parse(*file), "kind") : "";
}

std::string assumption(const std::string& protocol, const std::string& fitted_on, const std::string& system) {
  return fmt::format("no communication library was fitted for system '{}': protocol '{}', fitted on '{}', is used",
                     system, protocol, fitted_on);
}

}  // namespace

ProtocolChoice choose_protocol(const YamlNode& system) {
  const std::string name = scalar_of(system, "name"), kind = scalar_of(system, "kind");
  ProtocolChoice same_kind, any;
  for (const EmbeddedFile& file : protocol_catalog()) {
    const std::string fitted_on = scalar_of(parse(file), "system");
    if (fitted_on == name) return {file.name, ""};
    const ProtocolChoice candidate{file.name, assumption(file.name, fitted_on, name)};
    if (same_kind.name.empty() && kind_of_system(fitted_on) == kind) same_kind = candidate;
    if (any.name.empty()) any = candidate;
  }
  return same_kind.name.empty() ? any : same_kind;
}

}  // namespace supernode
