#include "scenarios/catalogue_collectives.hpp"

#include <map>

#include "base/diagnostics.hpp"
#include "calibration/catalog.hpp"
#include "scenarios/catalogue.hpp"
#include "scenarios/catalogue_specs.hpp"
#include "scenarios/protocol_choice.hpp"
#include "scenarios/reference_resolver.hpp"

namespace supernode {
namespace {

std::vector<CollectiveProtocol> all_protocols() {
  std::vector<CollectiveProtocol> protocols;
  Diagnostics ignored;  // a test reads every catalogue file
  for (const EmbeddedFile& file : protocol_catalog())
    if (auto protocol = load_protocol(file.name, ignored)) protocols.push_back(std::move(*protocol));
  return protocols;
}

std::optional<SystemSpec> system_named(const std::string& name) {
  if (find_in_catalogue(CatalogueKind::kSystem, name) == nullptr) return std::nullopt;
  Diagnostics ignored;
  return load_system(name, ignored);
}

// The library that a scenario of the system would take.
std::optional<CollectiveProtocol> chosen_for(const std::string& system) {
  YamlNode reference;
  reference.kind = YamlNode::Kind::kScalar;
  reference.scalar = system;
  Diagnostics ignored;
  const auto tree = ReferenceResolver(ignored).resolve(CatalogueKind::kSystem, reference);
  return tree ? load_protocol(choose_protocol(*tree).name, ignored) : std::nullopt;
}

}  // namespace

std::vector<CollectivePrediction> predict_by_catalogue(const std::vector<CollectiveTraceRow>& rows) {
  const std::vector<CollectiveProtocol> protocols = all_protocols();
  std::map<std::string, std::optional<CollectiveProtocol>> chosen;
  const auto protocol = [&](const CollectiveTraceRow& row) -> const CollectiveProtocol* {
    if (const CollectiveProtocol* own = protocol_of_row(protocols, row)) return own;
    const auto [found, fresh] = chosen.try_emplace(row.system);
    if (fresh) found->second = chosen_for(row.system);
    return found->second ? &*found->second : nullptr;
  };
  return predict_collectives({system_named, protocol}, rows);
}

}  // namespace supernode
