#include "scenarios/catalogue.hpp"

#include <algorithm>
#include <iterator>

namespace supernode {

namespace {

struct KindName {
  std::string_view one, many;
};

KindName kind_name(CatalogueKind kind) {
  switch (kind) {
    case CatalogueKind::kScenario:
      return {"scenario", "scenarios"};
    case CatalogueKind::kSystem:
      return {"system", "systems"};
    case CatalogueKind::kChip:
      return {"chip", "chips"};
    case CatalogueKind::kProtocol:
      return {"protocol", "protocols"};
    case CatalogueKind::kModel:
      return {"model", "models"};
    case CatalogueKind::kSoftware:
      return {"software", "software"};
  }
  return {};
}

}  // namespace

std::string_view singular(CatalogueKind kind) { return kind_name(kind).one; }
std::string_view plural(CatalogueKind kind) { return kind_name(kind).many; }

std::optional<CatalogueKind> parse_catalogue_kind(std::string_view plural_name) {
  for (CatalogueKind kind : kAllCatalogues) {
    if (plural(kind) == plural_name) return kind;
  }
  return std::nullopt;
}

const std::vector<EmbeddedFile>& catalogue(CatalogueKind kind) {
  switch (kind) {
    case CatalogueKind::kSystem:
      return system_catalog();
    case CatalogueKind::kChip:
      return chip_catalog();
    case CatalogueKind::kProtocol:
      return protocol_catalog();
    case CatalogueKind::kModel:
      return model_catalog();
    case CatalogueKind::kSoftware:
      return software_catalog();
    case CatalogueKind::kScenario:
      break;
  }
  return scenario_library();
}

const EmbeddedFile* find_in_catalogue(CatalogueKind kind, std::string_view name) {
  const auto& files = catalogue(kind);
  const auto it = std::find_if(files.begin(), files.end(), [&](const EmbeddedFile& file) { return file.name == name; });
  return it == files.end() ? nullptr : &*it;
}

std::vector<std::string> catalogue_names(CatalogueKind kind) {
  std::vector<std::string> names;
  std::transform(catalogue(kind).begin(), catalogue(kind).end(), std::back_inserter(names),
                 [](const EmbeddedFile& file) { return file.name; });
  return names;
}

}  // namespace supernode
