#pragma once
// The catalogues compiled into the program, and how a scenario names an entry of one.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/embedded.hpp"
#include "calibration/catalog.hpp"
#include "topology/catalog.hpp"
#include "workloads/catalog.hpp"

namespace supernode {

const std::vector<EmbeddedFile>& scenario_library();  // scenarios/library/*.yaml (cmake/embed.cmake)

enum class CatalogueKind { kScenario, kSystem, kChip, kProtocol, kModel, kSoftware };
inline constexpr CatalogueKind kAllCatalogues[] = {CatalogueKind::kChip,     CatalogueKind::kSystem,
                                                   CatalogueKind::kProtocol, CatalogueKind::kSoftware,
                                                   CatalogueKind::kModel,    CatalogueKind::kScenario};

std::string_view singular(CatalogueKind kind);  // "chip"
std::string_view plural(CatalogueKind kind);    // "chips"
std::optional<CatalogueKind> parse_catalogue_kind(std::string_view plural_name);

const std::vector<EmbeddedFile>& catalogue(CatalogueKind kind);
const EmbeddedFile* find_in_catalogue(CatalogueKind kind, std::string_view name);  // nullptr when unknown
std::vector<std::string> catalogue_names(CatalogueKind kind);

}  // namespace supernode
