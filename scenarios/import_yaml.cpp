#include "scenarios/import_yaml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace supernode {

namespace {

// The first part of a dotted path, taken off it.
std::string_view take_part(std::string_view& path) {
  const std::size_t dot = path.find('.');
  const std::string_view part = path.substr(0, dot);
  path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  return part;
}

YamlNode scalar(std::string text, bool quoted = false) {
  YamlNode node;
  node.kind = YamlNode::Kind::kScalar;
  node.scalar = std::move(text);
  node.quoted = quoted;
  return node;
}

std::string comment(std::string_view text) {
  std::string out = "# ";
  for (char c : text) out += c == '\n' ? ' ' : c;
  return out + "\n";
}

}  // namespace

YamlNode& YamlBuilder::at(std::string_view path) {
  YamlNode* node = &root_;
  while (!path.empty()) {
    const std::string_view part = take_part(path);
    node->kind = YamlNode::Kind::kMap;
    YamlNode* next = node->find(part);
    if (!next) {
      node->entries.push_back({std::string(part), {}, YamlNode{}});
      next = &node->entries.back().value;
    }
    node = next;
  }
  return *node;
}

const YamlNode* YamlBuilder::find(std::string_view path) const {
  const YamlNode* node = &root_;
  while (node && !path.empty()) {
    const std::string_view part = take_part(path);
    node = node->kind == YamlNode::Kind::kMap ? node->find(part) : nullptr;
  }
  return node;
}

void YamlBuilder::set(std::string_view path, std::int64_t value) { at(path) = scalar(std::to_string(value)); }

void YamlBuilder::set_number(std::string_view path, double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  at(path) = scalar(std::string(text, end));
}

void YamlBuilder::set_flag(std::string_view path, bool value) { at(path) = scalar(value ? "true" : "false"); }
void YamlBuilder::set_word(std::string_view path, std::string_view word) { at(path) = scalar(std::string(word)); }
void YamlBuilder::set_text(std::string_view path, std::string_view text) { at(path) = scalar(std::string(text), true); }

void YamlBuilder::set_list(std::string_view path, const std::vector<std::int64_t>& values) {
  YamlNode list;
  list.kind = YamlNode::Kind::kSequence;
  for (std::int64_t value : values) list.items.push_back(scalar(std::to_string(value)));
  at(path) = std::move(list);
}

void YamlBuilder::set_words(std::string_view path, const std::vector<std::string>& words) {
  YamlNode list;
  list.kind = YamlNode::Kind::kSequence;
  for (const std::string& word : words) list.items.push_back(scalar(word));
  at(path) = std::move(list);
}

bool YamlBuilder::has(std::string_view path) const { return find(path) != nullptr; }

std::int64_t YamlBuilder::integer(std::string_view path, std::int64_t otherwise) const {
  const YamlNode* node = find(path);
  if (!node || node->kind != YamlNode::Kind::kScalar) return otherwise;
  std::int64_t value = otherwise;
  std::from_chars(node->scalar.data(), node->scalar.data() + node->scalar.size(), value);
  return value;
}

std::string_view YamlBuilder::word(std::string_view path) const {
  const YamlNode* node = find(path);
  return node ? std::string_view(node->scalar) : std::string_view();
}

void YamlBuilder::erase(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  if (dot != std::string_view::npos && !has(path.substr(0, dot))) return;
  YamlNode& parent = dot == std::string_view::npos ? root_ : at(path.substr(0, dot));
  const std::string_view key = dot == std::string_view::npos ? path : path.substr(dot + 1);
  std::erase_if(parent.entries, [&](const YamlEntry& entry) { return entry.key == key; });
}

std::string import_text(const ImportedYaml& imported, std::string_view title) {
  std::string out = comment(title);
  for (const std::string& assumption : imported.assumptions) out += comment("assumed: " + assumption);
  for (const std::string& warning : imported.warnings) out += comment("not expressed: " + warning);
  return out + emit_yaml(imported.tree);
}

}  // namespace supernode
