// supernode catalog: what the program knows by name; supernode reference: what a scenario may say.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "scenarios/catalogue.hpp"
#include "scenarios/reference_doc.hpp"
#include "scenarios/result_json.hpp"
#include "tools/catalog_fits.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/table.hpp"
#include "tools/terminal.hpp"

namespace supernode {

namespace {

using Json = nlohmann::ordered_json;

// The key of an entry that tells most about it in a list.
std::string_view summary_key(CatalogueKind kind) {
  switch (kind) {
    case CatalogueKind::kChip:
      return "vendor";
    case CatalogueKind::kSystem:
      return "chip";
    case CatalogueKind::kProtocol:
      return "system";
    case CatalogueKind::kModel:
      return "source";
    case CatalogueKind::kSoftware:
    case CatalogueKind::kScenario:
      break;
  }
  return "description";
}

// Its first sentence.
std::string summary(CatalogueKind kind, const EmbeddedFile& file) {
  Diagnostics ignored;  // a test reads every entry
  const YamlNode tree = parse_yaml(std::make_shared<const SourceFile>(SourceFile{file.path, file.text}), ignored);
  const YamlNode* node = tree.kind == YamlNode::Kind::kMap ? tree.find(summary_key(kind)) : nullptr;
  std::string text = node ? node->scalar : "";
  if (const auto end = text.find(". "); end != std::string::npos) text.resize(end + 1);
  return text;
}

std::string list_text(CatalogueKind kind, const Style& style) {
  Table table;
  table.align(1, Align::kLeft);
  for (const EmbeddedFile& file : catalogue(kind)) table.add({file.name, summary(kind, file)});
  return style.title(plural(kind)) + '\n' + table.render();
}

bool has_fits(CatalogueKind kind) {
  return kind == CatalogueKind::kChip || kind == CatalogueKind::kProtocol || kind == CatalogueKind::kSoftware;
}

// With the fitted models below each entry.
std::string fitted_text(CatalogueKind kind, const Style& style) {
  std::string text = style.title(plural(kind)) + '\n';
  for (const EmbeddedFile& file : catalogue(kind)) {
    text += fmt::format("  {}  {}\n", file.name, style.faint(summary(kind, file)));
    text += fits_text(entry_fits(kind, file.name));
  }
  return text;
}

Json fitted_json(CatalogueKind kind) {
  Json list = Json::array();
  for (const EmbeddedFile& file : catalogue(kind)) {
    Json entry = {{"name", file.name}, {std::string(summary_key(kind)), summary(kind, file)}};
    entry.update(fits_json(entry_fits(kind, file.name)));
    list.push_back(std::move(entry));
  }
  return list;
}

Json list_json(CatalogueKind kind) {
  Json list = Json::array();
  for (const EmbeddedFile& file : catalogue(kind)) {
    list.push_back({{"name", file.name}, {std::string(summary_key(kind)), summary(kind, file)}});
  }
  return list;
}

int list_everything(bool json) {
  if (json) {
    Json all;
    for (CatalogueKind kind : kAllCatalogues) all[std::string(plural(kind))] = list_json(kind);
    print_result(to_text(all));
    return kDone;
  }
  std::string text;
  for (CatalogueKind kind : kAllCatalogues) text += (text.empty() ? "" : "\n") + list_text(kind, stdout_style());
  print_result(text);
  return kDone;
}

int unknown_kind(const std::string& word) {
  std::vector<std::string> kinds;
  for (CatalogueKind kind : kAllCatalogues) kinds.emplace_back(plural(kind));
  print_message(fmt::format("error: there is no catalogue of '{}'{}\n", word, suggestion(word, kinds)));
  return kBadInput;
}

}  // namespace

int catalog_command(const CatalogCommand& command) {
  if (command.kind.empty()) return list_everything(command.json);
  const auto kind = parse_catalogue_kind(command.kind);
  if (!kind) return unknown_kind(command.kind);
  if (command.name.empty()) {
    if (command.json)
      print_result(to_text(has_fits(*kind) ? fitted_json(*kind) : list_json(*kind)));
    else
      print_result(has_fits(*kind) ? fitted_text(*kind, stdout_style()) : list_text(*kind, stdout_style()));
    return kDone;
  }
  const EmbeddedFile* file = find_in_catalogue(*kind, command.name);
  if (!file) {
    print_message(fmt::format("error: unknown {} '{}'{}\n", singular(*kind), command.name,
                              suggestion(command.name, catalogue_names(*kind))));
    return kBadInput;
  }
  print_result(command.json ? to_text({{"name", file->name}, {"yaml", file->text}}) : file->text);
  return kDone;
}

int reference_command() {
  print_result(scenario_reference_markdown());
  return kDone;
}

}  // namespace supernode
