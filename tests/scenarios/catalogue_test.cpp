// Every entry of every catalogue reads without a word.
#include "scenarios/catalogue.hpp"

#include <gtest/gtest.h>

#include "scenarios/catalogue_specs.hpp"

namespace supernode {
namespace {

struct Entry {
  CatalogueKind kind;
  std::string name;
};

void PrintTo(const Entry& entry, std::ostream* out) { *out << singular(entry.kind) << ' ' << entry.name; }

std::vector<Entry> entries() {
  std::vector<Entry> list;
  for (CatalogueKind kind : kAllCatalogues) {
    if (kind == CatalogueKind::kScenario) continue;  // tests/scenarios/scenario_loader_test.cpp
    for (const std::string& name : catalogue_names(kind)) list.push_back({kind, name});
  }
  return list;
}

class Catalogue : public ::testing::TestWithParam<Entry> {};

TEST_P(Catalogue, EntryReadsAndBearsItsFileName) {
  const std::string& name = GetParam().name;
  Diagnostics diagnostics;
  std::string inside;
  switch (GetParam().kind) {
    case CatalogueKind::kChip:
      if (const auto chip = load_chip(name, diagnostics)) inside = chip->name;
      break;
    case CatalogueKind::kSystem:
      if (const auto system = load_system(name, diagnostics)) inside = system->name;
      break;
    case CatalogueKind::kModel:
      if (const auto model = load_model(name, diagnostics)) inside = model->name;
      break;
    case CatalogueKind::kProtocol:
      // Named after library and system.
      if (const auto protocol = load_protocol(name, diagnostics)) inside = protocol->name + "-" + protocol->system;
      break;
    case CatalogueKind::kSoftware:
      if (const auto software = load_software(name, diagnostics)) inside = software->name;
      break;
    case CatalogueKind::kScenario:
      break;
  }
  EXPECT_EQ(diagnostics.render(), "");
  EXPECT_EQ(inside, name);
}

INSTANTIATE_TEST_SUITE_P(Every, Catalogue, ::testing::ValuesIn(entries()), [](const auto& each) {
  std::string label = std::string(singular(each.param.kind)) + "_" + each.param.name;
  for (char& c : label) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return label;
});

TEST(Catalogue, SystemsNameChipsThatExist) {
  for (const std::string& name : catalogue_names(CatalogueKind::kSystem)) {
    if (name == "tpu-v5p") continue;  // a fabric only: nobody has published measured kernels of its chip
    Diagnostics diagnostics;
    const auto system = load_system(name, diagnostics);
    ASSERT_TRUE(system) << diagnostics.render();
    const auto chip = load_chip(system->chip, diagnostics);
    ASSERT_TRUE(chip) << diagnostics.render();
    EXPECT_EQ(chip->devices_per_chip, system->devices_per_chip) << name;
  }
}

TEST(Catalogue, ListsWhatItMust) {
  for (const char* chip : {"ascend-910c", "h100", "h800", "gb200"}) {
    EXPECT_NE(find_in_catalogue(CatalogueKind::kChip, chip), nullptr) << chip;
  }
  for (const char* system : {"cloudmatrix-384", "hgx-h100", "gb200-nvl72"}) {
    EXPECT_NE(find_in_catalogue(CatalogueKind::kSystem, system), nullptr) << system;
  }
  for (const char* model : {"deepseek-v3", "llama-3.1-405b", "gpt3-175b", "pangu-ultra-moe-718b"}) {
    EXPECT_NE(find_in_catalogue(CatalogueKind::kModel, model), nullptr) << model;
  }
}

}  // namespace
}  // namespace supernode
