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

// What tells which library a machine runs and how its ports behave.
struct Kinship {
  std::string chip, vendor, kind;
};

Kinship kinship(const YamlNode& system) {
  Kinship of{scalar_of(system, "chip"), "", scalar_of(system, "kind")};
  if (const EmbeddedFile* file = find_in_catalogue(CatalogueKind::kChip, of.chip))
    of.vendor = scalar_of(parse(*file), "vendor");
  return of;
}

Kinship kinship_in_catalogue(const std::string& system) {
  const EmbeddedFile* file = find_in_catalogue(CatalogueKind::kSystem, system);
  return file ? kinship(parse(*file)) : Kinship{};
}

// A library beside the system's own (an inference server's kernels, another network) is only taken by name.
bool beside_another(const YamlNode& protocol) {
  return protocol.kind == YamlNode::Kind::kMap && protocol.find("measured") != nullptr;
}

bool same(const std::string& a, const std::string& b) { return !a.empty() && a == b; }

// The kind of fabric decides among chips of one vendor, since a library is its vendor's; the chip among its systems.
int closeness(const Kinship& a, const Kinship& b) {
  return 4 * same(a.vendor, b.vendor) + 2 * same(a.kind, b.kind) + same(a.chip, b.chip);
}

std::string assumption(const std::string& protocol, const std::string& fitted_on, const std::string& system) {
  return fmt::format("no communication library was fitted for system '{}': protocol '{}', fitted on '{}', is used",
                     system, protocol, fitted_on);
}

ProtocolChoice closest_protocol(const YamlNode& system) {
  const Kinship own = kinship(system);
  ProtocolChoice best;
  int closest = -1;
  for (const EmbeddedFile& file : protocol_catalog()) {
    const YamlNode protocol = parse(file);
    if (beside_another(protocol)) continue;
    const std::string fitted_on = scalar_of(protocol, "system");
    const int close = closeness(own, kinship_in_catalogue(fitted_on));
    if (close <= closest) continue;
    closest = close;
    best = {file.name, assumption(file.name, fitted_on, scalar_of(system, "name"))};
  }
  return best;
}

}  // namespace

ProtocolChoice choose_protocol(const YamlNode& system) {
  const std::string name = scalar_of(system, "name");
  for (const EmbeddedFile& file : protocol_catalog()) {
    const YamlNode protocol = parse(file);
    if (!beside_another(protocol) && scalar_of(protocol, "system") == name) return {file.name, ""};
  }
  return closest_protocol(system);
}

}  // namespace supernode
