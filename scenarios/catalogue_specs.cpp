#include "scenarios/catalogue_specs.hpp"

#include "scenarios/reference_resolver.hpp"

namespace supernode {

namespace {

template <class Spec>
std::optional<Spec> load(CatalogueKind kind, const std::string& name, Diagnostics& diagnostics) {
  YamlNode reference;
  reference.kind = YamlNode::Kind::kScalar;
  reference.scalar = name;
  const int errors = diagnostics.error_count();
  const auto tree = ReferenceResolver(diagnostics).resolve(kind, reference);
  if (!tree) return std::nullopt;
  Spec spec;
  SpecReader reader(*tree, "", diagnostics);
  bind(spec, reader);
  reader.finish();
  if (diagnostics.error_count() > errors) return std::nullopt;
  return spec;
}

}  // namespace

std::optional<ChipSpec> load_chip(const std::string& name, Diagnostics& diagnostics) {
  return load<ChipSpec>(CatalogueKind::kChip, name, diagnostics);
}
std::optional<SystemSpec> load_system(const std::string& name, Diagnostics& diagnostics) {
  return load<SystemSpec>(CatalogueKind::kSystem, name, diagnostics);
}
std::optional<CollectiveProtocol> load_protocol(const std::string& name, Diagnostics& diagnostics) {
  return load<CollectiveProtocol>(CatalogueKind::kProtocol, name, diagnostics);
}
std::optional<SoftwareSpec> load_software(const std::string& name, Diagnostics& diagnostics) {
  return load<SoftwareSpec>(CatalogueKind::kSoftware, name, diagnostics);
}
std::optional<ModelSpec> load_model(const std::string& name, Diagnostics& diagnostics) {
  return load<ModelSpec>(CatalogueKind::kModel, name, diagnostics);
}

}  // namespace supernode
